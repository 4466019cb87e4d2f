import { type SyntaxNode, walk } from '../syntax.ts';
import type { Rule } from './syntax-fault.ts';

/** The function, lambda, class or module whose body a node stands in; what is evaluated outside of it does not count. */
export function scopeOf(node: SyntaxNode): SyntaxNode {
  let child = node;
  for (let at = node.parent; at; at = at.parent) {
    if (
      /^(function_definition|lambda|class_definition)$/.test(at.type) &&
      at.childForFieldName('body')?.id === child.id
    )
      return at;
    child = at;
  }
  return child;
}

export const isAsync = (scope: SyntaxNode): boolean =>
  scope.type === 'function_definition' && scope.children[0]?.type === 'async';

/** `global` and `nonlocal` that come too late or name what is not there. */
export const scopeFault: Rule = (node) => {
  if (node.type !== 'global_statement' && node.type !== 'nonlocal_statement') return null;
  const scope = scopeOf(node);
  const outer = node.type === 'nonlocal_statement';
  if (outer && scope.type === 'module') return '«nonlocal» stands outside of any function';
  for (const { text: name } of node.namedChildren) {
    if (parametersOf(scope).includes(name)) return `${name} is a parameter already`;
    for (const use of usesOf(scope, name)) {
      const statement = use.parent?.type ?? '';
      if (use.startIndex < node.startIndex && statement !== node.type) return `${name} is used before this line`;
      if (/^(global|nonlocal)_statement$/.test(statement) && statement !== node.type)
        return `${name} is both global and nonlocal`;
      const typed = use.parent?.type === 'assignment' && use.parent.childForFieldName('type');
      if (typed && use.parent.childForFieldName('left')?.id === use.id) return `${name} is given a type here`;
    }
    if (outer && name !== '__class__' && !isBoundAround(scope, name))
      return `no function around this one has a ${name}`;
  }
  return null;
};

function parametersOf(scope: SyntaxNode): string[] {
  const parameters = scope.childForFieldName('parameters')?.namedChildren ?? [];
  return parameters.map((parameter) => {
    const inner = parameter.type === 'typed_parameter' ? parameter.namedChildren[0]! : parameter;
    return (inner.childForFieldName('name') ?? inner.namedChildren[0] ?? inner).text;
  });
}

/** Where a scope itself uses a name: not as an attribute or the name of an argument, nor in functions within. */
function usesOf(scope: SyntaxNode, name: string): SyntaxNode[] {
  const body = scope.childForFieldName('body') ?? scope;
  return body.descendantsOfType('identifier').filter((use) => {
    if (use.text !== name) return false;
    const { parent } = use;
    if (parent?.type === 'attribute' && parent.childForFieldName('attribute')?.id === use.id) return false;
    if (parent?.type === 'keyword_argument' && parent.childForFieldName('name')?.id === use.id) return false;
    return scopeOf(use).id === scope.id && !inComprehension(use, scope);
  });
}

function inComprehension(node: SyntaxNode, scope: SyntaxNode): boolean {
  for (let at = node.parent; at && at.id !== scope.id; at = at.parent)
    if (/_comprehension$|^generator_expression$/.test(at.type)) return true;
  return false;
}

/** Whether a function around has the name as its own: a parameter, or something that it binds. */
function isBoundAround(scope: SyntaxNode, name: string): boolean {
  for (let at = scopeOf(scope); at.type !== 'module'; at = scopeOf(at)) {
    if (at.type === 'class_definition') continue;
    if (parametersOf(at).includes(name)) return true;
    const own = usesOf(at, name);
    if (own.some((use) => use.parent?.type === 'global_statement')) return false;
    if (own.some(binds)) return true;
  }
  return false;
}

const BINDERS =
  /^(assignment|augmented_assignment|for_statement|named_expression|aliased_import|function_definition|class_definition|import_statement|import_from_statement|as_pattern|as_pattern_target|except_clause|delete_statement|case_pattern|nonlocal_statement)$/;

function binds(use: SyntaxNode): boolean {
  for (let at: SyntaxNode = use; at.parent; at = at.parent) {
    if (!BINDERS.test(at.parent.type)) {
      if (!/pattern|^(tuple|list|dotted_name|expression_list)$/.test(at.parent.type)) return false;
      continue;
    }
    const right = at.parent.childForFieldName('right') ?? at.parent.childForFieldName('value');
    return right?.id !== at.id;
  }
  return false;
}

/** Names in a node and below. */
export function namesIn(node: SyntaxNode): string[] {
  return [...walk(node)].filter(({ type }) => type === 'identifier').map(({ text }) => text);
}
