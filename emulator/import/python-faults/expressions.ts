import type { SyntaxNode } from '../syntax.ts';
import { isAsync, namesIn, scopeOf } from './scopes.ts';
import type { Rule } from './syntax-fault.ts';

const KEYWORD =
  /^(False|None|True|and|as|assert|async|await|break|class|continue|def|del|elif|else|except|finally|for|from|global|if|import|in|is|lambda|nonlocal|not|or|pass|raise|return|try|while|with|yield)$/;
const STARRED_IN =
  /^(expression_list|pattern_list|tuple|tuple_pattern|list|list_pattern|set|argument_list|subscript|type_parameter)$/;
const NAMED_IN =
  /^(parenthesized_expression|if_statement|elif_clause|while_statement|tuple|list|set|argument_list|subscript|list_comprehension|set_comprehension|generator_expression|match_statement|decorator)$/;
const COMPREHENSION = /^(list_comprehension|set_comprehension|dictionary_comprehension|generator_expression)$/;
const LOOSE = /^(lambda|conditional_expression|named_expression)$/;
const OPERATIONS =
  /^(boolean_operator|not_operator|comparison_operator|lambda|conditional_expression|named_expression)$/;

/** Expressions that stand where Python does not take them. */
export const expressionFault: Rule = (node, children) => {
  const parent = node.parent?.type ?? '';
  switch (node.type) {
    case 'identifier':
      if (parent === 'dotted_name' && node.text === '__debug__') return '__debug__ cannot be assigned to';
      return KEYWORD.test(node.text) ? `«${node.text}» is not a name` : null;
    case 'list_splat':
    case 'list_splat_pattern':
      return starFault(starred(node));
    case 'dictionary_splat':
      if (parent !== 'argument_list' && parent !== 'dictionary') return '«**» stands in the wrong place';
      return operand(node, parent === 'argument_list' ? /^named_expression$/ : OPERATIONS);
    case 'named_expression':
      return namedFault(node);
    case 'as_pattern':
      return isAliased(node, parent) ? null : '«as» stands in the wrong place';
    case 'yield':
      return yieldFault(node, parent);
    case 'await':
      if (!isAsync(scopeOf(node)) && !inGenerator(node)) return '«await» stands outside of an async function';
      return operand(node, /^(unary_operator|await|list_splat)$/);
    case 'for_in_clause': {
      if (children[0]?.type === 'async' && parent !== 'generator_expression' && !isAsync(scopeOf(node)))
        return '«async» stands outside of an async function';
      const right = node.childrenForFieldName('right');
      if (right.length > 1 || children.at(-1)?.type === ',') return '«for» runs over one thing';
      return LOOSE.test(right[0]?.type ?? '') ? `«for» runs over what needs parentheses` : null;
    }
    case 'if_clause':
      if (!COMPREHENSION.test(parent)) return null;
      return operand(node, LOOSE);
    case 'boolean_operator':
    case 'not_operator':
      return operand(node, LOOSE);
    case 'conditional_expression':
      return conditionalFault(node);
    case 'comparison_operator':
      return children.some(({ type }) => type === '<>') ? '«<>» is Python 2' : null;
    case 'interpolation':
      return node.childForFieldName('expression')?.type === 'lambda' ? 'parentheses are missing' : null;
    case 'constrained_type':
      return parent === 'type' && node.parent?.parent?.type === 'type_parameter' ? null : 'a type holds «:»';
    case 'splat_type':
      return splatTypeFault(node);
    case 'list_comprehension':
    case 'set_comprehension':
    case 'generator_expression':
      return node.childForFieldName('body')?.type === 'list_splat' ? '«*» stands in a comprehension' : null;
    default:
      return null;
  }
};

/** A fault when what an operator stands before needs parentheses there. */
function operand(node: SyntaxNode, wrong: RegExp): string | null {
  return node.namedChildren.some(({ type }) => wrong.test(type)) ? 'parentheses are missing' : null;
}

/** What the star is of: the grammar reads `*a.b()` as the call of something with a star. */
function starred(node: SyntaxNode): SyntaxNode {
  let found = node;
  while (/^(attribute|call|subscript)$/.test(found.parent?.type ?? '') && found.parent!.startIndex === node.startIndex)
    found = found.parent!;
  return found;
}

/** Whether a generator awaits it, and not who makes the generator. */
function inGenerator(node: SyntaxNode): boolean {
  const scope = scopeOf(node);
  let child = node;
  for (let at = node.parent; at && at.id !== scope.id; at = at.parent) {
    if (at.type === 'generator_expression')
      return at.namedChildren.find(({ type }) => type === 'for_in_clause')?.id !== child.id;
    child = at;
  }
  return false;
}

function starFault(node: SyntaxNode): string | null {
  const WRONG = '«*» stands in the wrong place';
  const parent = node.parent?.type ?? '';
  if (/^(parameters|lambda_parameters|typed_parameter)$/.test(parent)) return null;
  if (parent === 'type') {
    const holder = node.parent!.parent;
    const args = holder?.type === 'typed_parameter' && holder.namedChildren[0]?.type === 'list_splat_pattern';
    return args || holder?.type === 'type_parameter' ? null : WRONG;
  }
  if (parent === 'expression_statement') return node.parent!.children.some(({ type }) => type === ',') ? null : WRONG;
  // The rule for targets speaks of those that stand alone.
  if (
    node.type === 'list_splat_pattern' &&
    /^(assignment|augmented_assignment|for_statement|for_in_clause)$/.test(parent)
  )
    return node.parent!.childForFieldName('left')?.id === node.id ? null : WRONG;
  if (!STARRED_IN.test(parent)) return WRONG;
  if (parent === 'expression_list' && /^(delete|raise)_statement$/.test(node.parent!.parent?.type ?? '')) return WRONG;
  if (node.type !== 'list_splat') return null;
  return operand(node, /^(argument_list|subscript)$/.test(parent) ? /^named_expression$/ : OPERATIONS);
}

function conditionalFault({ namedChildren: [body, condition] }: SyntaxNode): string | null {
  const wrong =
    (body?.type !== 'named_expression' && LOOSE.test(body?.type ?? '')) || LOOSE.test(condition?.type ?? '');
  return wrong ? 'parentheses are missing' : null;
}

function namedFault(node: SyntaxNode): string | null {
  // The grammar reads `a := b if c else d` as a choice between `a := b` and `d`.
  let whole = node;
  while (whole.parent?.type === 'conditional_expression' && whole.parent.startIndex === node.startIndex)
    whole = whole.parent;
  const parent = whole.parent?.type ?? '';
  const guard = parent === 'if_clause' && whole.parent!.parent?.type === 'case_clause';
  if (!NAMED_IN.test(parent) && !guard) return '«:=» needs parentheses here';
  const name = node.childForFieldName('name')?.text ?? '';
  if (name === '__debug__') return '__debug__ cannot be assigned to';
  let child = node;
  for (let at = node.parent; at; at = at.parent) {
    if (/^(function_definition|lambda|class_definition)$/.test(at.type)) break;
    if (COMPREHENSION.test(at.type)) {
      const clauses = at.namedChildren.filter(({ type }) => type === 'for_in_clause');
      if (child.type === 'for_in_clause') return '«:=» stands in what a comprehension runs over';
      if (clauses.some((clause) => namesIn(clause.childForFieldName('left')!).includes(name)))
        return `«:=» takes ${name} away from the comprehension`;
      if (scopeOf(at).type === 'class_definition') return '«:=» stands in a comprehension of a class';
    }
    child = at;
  }
  return null;
}

/** `as` belongs to `with`, `except` and `case`; the items of `with` may stand in parentheses. */
function isAliased(node: SyntaxNode, parent: string): boolean {
  if (/^(with_item|except_clause|case_pattern)$/.test(parent)) return true;
  return /^(tuple|parenthesized_expression)$/.test(parent) && node.parent!.parent?.type === 'with_item';
}

function yieldFault(node: SyntaxNode, parent: string): string | null {
  const scope = scopeOf(node);
  if (!/^(function_definition|lambda)$/.test(scope.type)) return '«yield» stands outside of a function';
  if (node.children[1]?.type === 'from' && isAsync(scope)) return '«yield from» stands in an async function';
  if (!/^(expression_statement|assignment|augmented_assignment|parenthesized_expression|interpolation)$/.test(parent))
    return '«yield» needs parentheses here';
  let child = node;
  for (let at = node.parent; at && at.id !== scope.id; at = at.parent) {
    if (COMPREHENSION.test(at.type)) {
      const first = at.namedChildren.find(({ type }) => type === 'for_in_clause');
      if (first?.id !== child.id) return '«yield» stands in a comprehension';
    }
    child = at;
  }
  return null;
}

/** `*T` and `**P` are parameters of a generic, or the type of `*args`. */
function splatTypeFault(node: SyntaxNode): string | null {
  const holder = node.parent?.parent;
  if (holder?.type === 'type_parameter') return null;
  const args = holder?.type === 'typed_parameter' && holder.namedChildren[0]?.type === 'list_splat_pattern';
  return args && node.children[0]?.type === '*' ? null : '«*» stands in the wrong place';
}
