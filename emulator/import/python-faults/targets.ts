import type { SyntaxNode } from '../syntax.ts';
import type { Rule } from './syntax-fault.ts';

const SPLAT = /^list_splat(_pattern)?$/;

/** What cannot be assigned to, deleted or given a type. */
export const targetFault: Rule = (node, children) => {
  switch (node.type) {
    case 'assignment': {
      const left = node.childForFieldName('left');
      const typed = node.childForFieldName('type');
      if (typed) {
        if (/^(assignment|augmented_assignment)$/.test(node.parent?.type ?? '')) return 'a type stands after «=»';
        const right = node.childForFieldName('right');
        if (/assignment$/.test(right?.type ?? '')) return 'a name with a type is assigned together with another';
        if (!isSingle(left)) return 'only a single name, attribute or item takes a type';
      }
      if (node.childForFieldName('right')?.type === 'augmented_assignment') return 'an assignment stands in another';
      return wrongTarget(left);
    }
    case 'augmented_assignment': {
      const left = node.childForFieldName('left');
      if (/assignment$/.test(node.childForFieldName('right')?.type ?? '')) return 'an assignment stands in another';
      return isSingle(left) ? wrongTarget(left) : 'only a single name, attribute or item can be changed in place';
    }
    case 'for_statement':
    case 'for_in_clause':
      return wrongTarget(node.childForFieldName('left'));
    case 'delete_statement': {
      const what = children.find(({ type }) => type !== 'del' && type !== 'comment');
      const all = what?.type === 'expression_list' ? what.namedChildren : [what ?? null];
      return all.some((target) => !isTarget(target, 'no star')) ? 'this cannot be deleted' : null;
    }
    case 'as_pattern': {
      const alias = node.childForFieldName('alias');
      if (!alias || alias.type === 'identifier') return null;
      const target = alias.namedChildren[0] ?? null;
      if (node.parent?.type === 'except_clause' && target?.type !== 'identifier') return '«as» gives the error a name';
      return isTarget(target, 'no star') ? null : 'this cannot be assigned to';
    }
    case 'except_clause': {
      const alias = node.childForFieldName('alias');
      return alias && alias.type !== 'identifier' ? '«as» gives the error a name' : null;
    }
    default:
      return null;
  }
};

/** A name, attribute or item, in parentheses or not. */
function isSingle(target: SyntaxNode | null): boolean {
  if (target?.type !== 'tuple_pattern') return /^(identifier|attribute|subscript)$/.test(target?.type ?? '');
  return isParenthesized(target) && isSingle(target.namedChildren.find(({ type }) => type !== 'comment') ?? null);
}

/** `(a)`, which is `a`; with a comma it is a tuple. */
function isParenthesized(pattern: SyntaxNode): boolean {
  const inside = pattern.children.filter(({ type }) => type !== 'comment');
  return inside.length === 3;
}

function wrongTarget(target: SyntaxNode | null): string | null {
  if (!target) return null;
  if (SPLAT.test(target.type)) return 'a name with a star is not in a list or tuple';
  if (target.type === 'identifier' && target.text === '__debug__') return '__debug__ cannot be assigned to';
  if (!/^(tuple|list)_pattern$|^pattern_list$/.test(target.type)) return null;
  const parts = target.namedChildren.filter(({ type }) => type !== 'comment' && type !== 'line_continuation');
  if (parts.filter(({ type }) => SPLAT.test(type)).length > 1) return 'two names with a star stand in one assignment';
  if (target.type === 'tuple_pattern' && isParenthesized(target)) return wrongTarget(parts[0] ?? null);
  for (const part of parts) {
    const wrong = SPLAT.test(part.type) ? null : wrongTarget(part);
    if (wrong !== null) return wrong;
  }
  return null;
}

/** Whether an expression can stand where something is assigned to or deleted. */
function isTarget(node: SyntaxNode | null, star: 'star' | 'no star'): boolean {
  if (!node) return false;
  switch (node.type) {
    case 'identifier':
      return node.text !== '__debug__';
    case 'attribute':
    case 'subscript':
      return true;
    case 'list_splat':
      return star === 'star' && isTarget(node.namedChildren[0] ?? null, 'no star');
    case 'parenthesized_expression':
      return isTarget(node.namedChildren.find(({ type }) => type !== 'comment') ?? null, 'no star');
    case 'tuple':
    case 'list': {
      const inner = node.parent?.type === 'as_pattern_target' ? 'star' : 'no star';
      return node.namedChildren.every((part) => part.type === 'comment' || isTarget(part, inner));
    }
    default:
      return false;
  }
}
