import type { SyntaxNode } from '../syntax.ts';
import type { Rule } from './syntax-fault.ts';

/** Patterns of `case` that can match nothing, or bind a name twice. */
export const patternFault: Rule = (node, children) => {
  switch (node.type) {
    case 'match_statement': {
      const cases = node.childForFieldName('body')?.namedChildren.filter(({ type }) => type === 'case_clause') ?? [];
      const open = cases.findIndex((clause) => clause.childForFieldName('guard') === null && takesAll(clause));
      return open >= 0 && open < cases.length - 1 ? 'a «case» that takes everything is not the last' : null;
    }
    case 'case_clause': {
      const names = patternsOf(node).flatMap(captures);
      return new Set(names).size < names.length ? 'a «case» binds a name twice' : null;
    }
    case 'union_pattern': {
      const options = alternatives(children);
      const sets = options.map((option) => [...new Set(option.flatMap(captures))].sort().join(' '));
      if (new Set(sets).size > 1) return 'the alternatives of a «case» bind different names';
      return options.slice(0, -1).some((option) => option.length === 1 && isOpen(option[0]!))
        ? 'an alternative of a «case» takes everything'
        : null;
    }
    case 'class_pattern': {
      let named = false;
      for (const part of node.namedChildren.slice(1)) {
        const keyword = part.namedChildren[0]?.type === 'keyword_pattern';
        if (named && part.type === 'case_pattern' && !keyword)
          return 'a pattern without a name follows one with a name';
        named ||= keyword;
      }
      return null;
    }
    case 'splat_pattern': {
      const double = children[0]?.type === '**';
      const holder = node.parent?.type === 'case_pattern' ? node.parent.parent?.type : node.parent?.type;
      if (double)
        return holder === 'dict_pattern' && children[1]?.text !== '_' ? null : '«**» stands in the wrong place';
      return /^(list_pattern|tuple_pattern)$/.test(holder ?? '') || (holder === 'case_clause' && isSequence(node))
        ? null
        : '«*» stands in the wrong place';
    }
    case 'keyword_pattern':
      return node.parent?.parent?.type === 'class_pattern' ? null : '«=» stands in the wrong place';
    case 'string':
      return /pattern$/.test(node.parent?.type ?? '') && /^[rR]?[fF]/.test(children[0]?.text ?? '')
        ? 'a pattern is no f-string'
        : null;
    case 'as_pattern':
      return node.parent?.type === 'case_pattern' && node.namedChildren.at(-1)?.text === '_'
        ? '«as _» binds nothing'
        : null;
    default:
      return null;
  }
};

const patternsOf = (clause: SyntaxNode): SyntaxNode[] =>
  clause.namedChildren.filter(({ type }) => type === 'case_pattern');

const isSequence = (splat: SyntaxNode): boolean => {
  const clause = splat.parent?.parent;
  return clause?.type === 'case_clause' && clause.children.some(({ type }) => type === ',');
};

/** What stands between the bars. */
function alternatives(children: readonly SyntaxNode[]): SyntaxNode[][] {
  const options: SyntaxNode[][] = [[]];
  for (const child of children) {
    if (child.type === '|') options.push([]);
    else if (child.isNamed && child.type !== 'comment') options.at(-1)!.push(child);
  }
  return options;
}

/** Names that a pattern binds. Alternatives bind the same ones. */
function captures(pattern: SyntaxNode): string[] {
  switch (pattern.type) {
    case 'dotted_name':
      return pattern.namedChildren.length === 1 ? [pattern.text] : [];
    case 'union_pattern':
      return alternatives(pattern.children)[0]!.flatMap(captures);
    case 'class_pattern':
      return pattern.namedChildren.slice(1).flatMap(captures);
    case 'keyword_pattern':
      return pattern.namedChildren.slice(1).flatMap(captures);
    case 'splat_pattern':
      return pattern.namedChildren.map(({ text }) => text);
    case 'as_pattern':
      return [...captures(pattern.namedChildren[0]!), pattern.namedChildren.at(-1)!.text];
    default:
      return pattern.namedChildren.flatMap(captures);
  }
}

function takesAll(clause: SyntaxNode): boolean {
  if (clause.children.some(({ type }) => type === ',')) return false;
  const [pattern] = patternsOf(clause);
  return pattern !== undefined && isOpen(pattern);
}

/** Whether a pattern takes everything: a name, or `_`, in parentheses or not. */
function isOpen(pattern: SyntaxNode): boolean {
  if (pattern.type === 'dotted_name') return pattern.namedChildren.length === 1;
  if (pattern.type === 'case_pattern') {
    if (pattern.text === '_') return true;
    const inner = pattern.namedChildren[0];
    return inner !== undefined && pattern.namedChildren.length === 1 && isOpen(inner);
  }
  if (pattern.type === 'as_pattern') return isOpen(pattern.namedChildren[0]!);
  if (pattern.type === 'union_pattern') return isOpen(pattern.namedChildren.at(-1)!);
  if (pattern.type !== 'tuple_pattern' || pattern.children.some(({ type }) => type === ',')) return false;
  return pattern.namedChildren.length === 1 && isOpen(pattern.namedChildren[0]!);
}
