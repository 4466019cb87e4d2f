import type { ImportedNames } from '../imported-names.ts';
import { pythonLiteral } from '../python-text.ts';
import type { Literal, SyntaxNode } from '../syntax.ts';
import { cogName } from './cog-names.ts';
import { type Constants, fold } from './fold.ts';
import { annotationText, type MediaKind, mediaKind, type ValueType, valueType } from './value-type.ts';

export interface PredictorInput {
  name: string;
  type: ValueType;
  media: MediaKind;
  required: boolean;
  /** Python expression of the default for the model; null when there is none. */
  default: string | null;
  /** Python expression that gives the default when the app runs: it cannot be had earlier. */
  lateDefault: string | null;
  /** Values of `choices`; null when there are none or they cannot be read. */
  choices: Literal[] | null;
  /** Python expression of choices that are known only when the app runs. */
  lateChoices: string | null;
  /** Keyword arguments of pydantic's Field, as Python. */
  constraints: string[];
  /** What is said by `Input(…)` and has no place at fal. */
  unknown: string[];
  /** The parameter. */
  node: SyntaxNode;
  /** `Input(…)`, when the default is one. */
  input: SyntaxNode | null;
}

/** What pydantic's Field calls the keywords of `Input`. */
const FIELD: Record<string, string> = {
  description: 'description',
  ge: 'ge',
  gt: 'gt',
  le: 'le',
  lt: 'lt',
  min_length: 'min_length',
  max_length: 'max_length',
  regex: 'pattern',
  deprecated: 'deprecated',
  title: 'title',
};

export interface InputScope {
  names: ImportedNames;
  constants: Constants;
  /** Whether a name can be used where the file is imported for a deploy. */
  available: (name: string) => boolean;
}

/** Inputs of a predict method or function, in order, and the parameters that cannot be one (`*args`, `**kwargs`). */
export function predictorInputs(
  definition: SyntaxNode,
  method: boolean,
  scope: InputScope,
): { inputs: PredictorInput[]; refused: string[] } {
  const inputs: PredictorInput[] = [];
  const refused: string[] = [];
  const nodes = (definition.childForFieldName('parameters')?.namedChildren ?? []).filter(
    ({ type }) => type !== 'comment' && !/separator$/.test(type),
  );
  for (const node of method ? nodes.slice(1) : nodes) {
    const inner = node.type === 'typed_parameter' ? node.namedChildren[0]! : node;
    if (/splat/.test(inner.type)) refused.push(node.text);
    else inputs.push(readInput(node, scope));
  }
  return { inputs, refused };
}

function readInput(node: SyntaxNode, scope: InputScope): PredictorInput {
  const { names, constants, available } = scope;
  const name = (node.childForFieldName('name') ?? node.namedChildren[0] ?? node).text;
  const type = valueType(annotationText(node.childForFieldName('type')), names, available);
  const value = node.childForFieldName('value');
  const call = value?.type === 'call' && cogName(value.childForFieldName('function'), names) === 'Input' ? value : null;
  const input: PredictorInput = {
    name,
    type,
    media: 'File',
    required: !value,
    default: null,
    lateDefault: null,
    choices: null,
    lateChoices: null,
    constraints: [],
    unknown: [],
    node,
    input: call,
  };
  const given =
    call?.childForFieldName('arguments')?.namedChildren.filter(({ type: kind }) => kind !== 'comment') ?? [];
  let fallback: SyntaxNode | null = call ? null : value;
  let description: string | null = null;
  for (const argument of given) {
    const keyword = argument.type === 'keyword_argument' ? argument.childForFieldName('name')!.text : 'default';
    const own = argument.type === 'keyword_argument' ? argument.childForFieldName('value')! : argument;
    if (keyword === 'default' || keyword === 'default_factory') {
      if (keyword === 'default_factory') input.lateDefault = `(${own.text})()`;
      else if (own.type !== 'ellipsis') fallback = own;
    } else if (keyword === 'choices') {
      if (own.type === 'none') continue;
      const found = fold(own, constants);
      if (
        Array.isArray(found) &&
        found.length > 0 &&
        type.text !== 'float' &&
        found.every((item) => item === null || typeof item !== 'object')
      ) {
        input.choices = found;
      } else input.lateChoices = own.text;
    } else if (FIELD[keyword] !== undefined) {
      if (own.type === 'none') continue;
      const constant = fold(own, constants);
      if (keyword === 'description' && typeof constant === 'string') description = constant;
      const text = earlyText(own, available) ?? (constant === undefined ? null : pythonLiteral(constant));
      if (text === null) input.unknown.push(argument.text);
      else input.constraints.push(`${FIELD[keyword]}=${text}`);
    } else input.unknown.push(argument.text);
  }
  input.required = fallback === null && input.lateDefault === null;
  if (fallback) {
    const early = earlyText(fallback, available);
    const folded = early === null ? fold(fallback, constants) : undefined;
    if (early !== null) input.default = early;
    else if (folded !== undefined) input.default = pythonLiteral(folded);
    else input.lateDefault = fallback.text;
    if (input.default === 'None') type.optional = true;
  }
  if (input.lateDefault !== null) {
    input.default = 'None';
    type.optional = true;
  }
  // The schema of a Literal has no room for a default that is none of its values.
  if (input.choices && fallback && input.default !== 'None') {
    const constant = fold(fallback, constants);
    if (constant !== undefined && !input.choices.includes(constant)) input.choices = [...input.choices, constant];
  }
  if (type.kind === 'path' || type.kind === 'file') input.media = mediaKind(name, description);
  return input;
}

/** The text of an expression without calls whose names are there when the file is imported for a deploy. */
function earlyText(node: SyntaxNode, available: (name: string) => boolean): string | null {
  if (node.descendantsOfType(['call', 'await', 'lambda', 'named_expression']).length > 0) return null;
  const read = node.descendantsOfType('identifier').filter(({ parent }) => {
    return parent?.type !== 'attribute' && parent?.type !== 'keyword_argument';
  });
  const owners = node.descendantsOfType('attribute').map((child) => child.childForFieldName('object')!.text);
  return [...read.map(({ text }) => text), ...owners].every(available) ? node.text : null;
}
