import { pythonLiteral } from '../python-text.ts';
import type { InputField } from '../source-app.ts';
import { literal, type SyntaxNode, stringText } from '../syntax.ts';

const TYPES: Record<string, string> = {
  str: 'str',
  // The validator refuses "1" for an int, and takes 1 for a float.
  int: 'pydantic.StrictInt',
  bool: 'pydantic.StrictBool',
  float: 'float',
  list: 'list',
  dict: 'dict',
};

/** Fields of an `INPUT_SCHEMA` dictionary; null when it is not one. `constrained`: keys with a lambda of their own. */
export function fieldsOfSchema(dictionary: SyntaxNode): { fields: InputField[]; constrained: string[] } | null {
  const fields: InputField[] = [];
  const constrained: string[] = [];
  for (const pair of dictionary.namedChildren) {
    if (pair.type === 'comment') continue;
    const name = stringText(pair.childForFieldName('key'));
    const rules = pair.childForFieldName('value');
    if (pair.type !== 'pair' || name === null || rules?.type !== 'dictionary') return null;
    const rule = (key: string): SyntaxNode | null =>
      rules.namedChildren
        .find((child) => stringText(child.childForFieldName('key')) === key)
        ?.childForFieldName('value') ?? null;
    if (!rule('type')) return null;
    const required = rule('required')?.type === 'true';
    const fallback = literal(rule('default'));
    const type = typeOf(rule('type')!);
    // Something that may be left out may also be null: the validator checks no type of None.
    fields.push({
      name,
      type: required || type === 'Any' ? type : `Optional[${type}]`,
      required,
      default: required ? null : pythonLiteral(fallback ?? null),
      description: stringText(rule('description')),
      from: 'schema',
      line: pair.startPosition.row + 1,
    });
    if (rule('constraints')) constrained.push(name);
  }
  return fields.length > 0 ? { fields, constrained } : null;
}

function typeOf(node: SyntaxNode): string {
  if (node.type === 'identifier') return TYPES[node.text] ?? 'Any';
  if (node.type !== 'tuple' && node.type !== 'list') return 'Any';
  const types = node.namedChildren.filter(({ type }) => type !== 'comment').map(typeOf);
  return types.includes('Any') || types.length === 0 ? 'Any' : `Union[${[...new Set(types)].join(', ')}]`;
}
