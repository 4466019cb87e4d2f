import type { SyntaxNode } from '../syntax.ts';
import { isAsync, scopeOf } from './scopes.ts';
import type { Rule } from './syntax-fault.ts';

const FUTURE =
  /^(nested_scopes|generators|division|absolute_import|with_statement|print_function|unicode_literals|generator_stop|annotations)$/;

/** Statements that stand where Python does not take them, or have too much or too little. */
export const statementFault: Rule = (node, children) => {
  switch (node.type) {
    case 'print_statement':
      return '«print» without parentheses is Python 2';
    case 'exec_statement':
      return '«exec» without parentheses is Python 2';
    case 'return_statement': {
      const scope = scopeOf(node);
      if (scope.type !== 'function_definition') return '«return» stands outside of a function';
      if (leavesGroup(node, /^$/)) return '«return» stands in «except*»';
      const value = node.namedChildren.some(({ type }) => type !== 'comment');
      return value && isAsync(scope) && yields(scope) ? 'an async generator returns a value' : null;
    }
    case 'break_statement':
    case 'continue_statement':
      if (leavesGroup(node, /^(for|while)_statement$/)) return `«${node.text.trim()}» stands in «except*»`;
      return inLoop(node) ? null : `«${node.text.trim()}» stands outside of a loop`;
    case 'with_statement':
    case 'for_statement':
      return children[0]?.type === 'async' && !isAsync(scopeOf(node))
        ? '«async» stands outside of an async function'
        : null;
    case 'try_statement':
      return tryFault(children);
    case 'except_clause': {
      const values = node.childrenForFieldName('value');
      if (values.length > 1) return '«except» takes several errors only in parentheses';
      return children[1]?.type === '*' && values.length === 0 ? '«except*» names no error' : null;
    }
    case 'raise_statement': {
      if (children[1]?.type === 'expression_list') return '«raise» takes one error';
      return children[1]?.type === 'from' ? '«raise from» names no error' : null;
    }
    case 'assert_statement':
      return children.filter(({ type }) => type === ',').length > 1 ? '«assert» takes a condition and a message' : null;
    case 'future_import_statement':
      return futureFault(node, children);
    case 'import_statement':
      return children.at(-1)?.type === ',' ? 'the import ends with a comma' : null;
    case 'import_from_statement': {
      if (openComma(children)) return 'the import ends with a comma';
      const dotted = node.childrenForFieldName('name').some((name) => {
        const module = name?.type === 'aliased_import' ? name.childForFieldName('name') : name;
        return (module?.namedChildren.length ?? 0) > 1;
      });
      return dotted ? 'a name with dots is imported from a module' : null;
    }
    case 'wildcard_import':
      return scopeOf(node).type === 'module' ? null : '«import *» stands in a function or class';
    case 'function_definition':
    case 'class_definition':
      return node.childForFieldName('name')?.text === '__debug__' ? '__debug__ cannot be assigned to' : null;
    case 'aliased_import':
      return node.childForFieldName('alias')?.text === '__debug__' ? '__debug__ cannot be assigned to' : null;
    default:
      return null;
  }
};

function openComma(children: readonly SyntaxNode[]): boolean {
  const last = children.findLast(({ type }) => type !== 'comment' && type !== 'line_continuation');
  return last?.type === ',';
}

/** Imports from the future come before all but the docstring and each other. */
function futureFault(node: SyntaxNode, children: readonly SyntaxNode[]): string | null {
  if (openComma(children)) return 'the import ends with a comma';
  const before = node.parent?.namedChildren.filter(
    (child) => child.type !== 'comment' && child.startIndex < node.startIndex,
  );
  const first =
    node.parent?.type === 'module' &&
    before!.every(
      (child, index) =>
        child.type === 'future_import_statement' || (index === 0 && /string$/.test(child.namedChildren[0]?.type ?? '')),
    );
  if (!first) return 'an import from __future__ is not at the top';
  for (const name of node.childrenForFieldName('name')) {
    const feature = name?.childForFieldName('name')?.text ?? name?.text ?? '';
    if (!FUTURE.test(feature)) return `__future__ has no ${feature}`;
  }
  return null;
}

function tryFault(children: readonly SyntaxNode[]): string | null {
  const clauses = children.filter(({ type }) => /^(except|else|finally)_clause$/.test(type));
  const excepts = clauses.filter(({ type }) => type === 'except_clause');
  if (clauses.length === 0 || (excepts.length === 0 && clauses[0]?.type === 'else_clause'))
    return '«try» has neither «except» nor «finally»';
  const bare = excepts.findIndex((clause) => clause.childForFieldName('value') === null);
  if (bare >= 0 && bare < excepts.length - 1) return '«except» without an error is not the last';
  const groups = excepts.filter((clause) => clause.children[1]?.type === '*').length;
  return groups > 0 && groups < excepts.length ? '«except» and «except*» stand together' : null;
}

/** Whether a statement stands in the body of a loop of its own function; the `else` of a loop is outside of it. */
function inLoop(node: SyntaxNode): boolean {
  let child = node;
  for (let at = node.parent; at; at = at.parent) {
    if (/^(function|class)_definition$/.test(at.type)) return false;
    if (/^(for|while)_statement$/.test(at.type) && at.childForFieldName('body')?.id === child.id) return true;
    child = at;
  }
  return false;
}

/** Whether a statement would leave a block of `except*`; `inner` is what it may leave within one. */
function leavesGroup(node: SyntaxNode, inner: RegExp): boolean {
  for (let at = node.parent; at; at = at.parent) {
    if (/^(function|class)_definition$/.test(at.type) || inner.test(at.type)) return false;
    if (at.type === 'except_clause' && at.children[1]?.type === '*') return true;
  }
  return false;
}

function yields(scope: SyntaxNode): boolean {
  return scope
    .childForFieldName('body')!
    .descendantsOfType('yield')
    .some((found) => scopeOf(found).id === scope.id);
}
