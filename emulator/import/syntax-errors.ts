import { type SyntaxNode, walk } from './syntax.ts';

/**
 * Line of the first thing that Python would not compile, else null. The grammar takes more than Python does: blocks
 * whose lines do not line up, statements out of their place. Those are looked for here.
 */
export function firstSyntaxError(root: SyntaxNode, source: string): number | null {
  let first: number | null = null;
  for (const node of walk(root)) {
    const wrong =
      node.type === 'module' || node.type === 'block'
        ? misplaced(node, source)
        : isWrong(node) || breaksLine(node, source)
          ? node
          : null;
    if (wrong) first = Math.min(first ?? Number.POSITIVE_INFINITY, wrong.startPosition.row + 1);
  }
  return first ?? (root.hasError ? 1 : null);
}

function isWrong(node: SyntaxNode): boolean {
  if (node.isError || node.isMissing) return true;
  switch (node.type) {
    case 'return_statement':
      return !within(node, /^function_definition$/, /^class_definition$/);
    case 'await':
      return !isAsynchronous(node);
    case 'with_statement':
    case 'for_statement':
      return node.children[0]?.type === 'async' && !isAsynchronous(node);
    case 'decorated_definition':
      // `async` is part of the definition: each begins a line of its own.
      return node.namedChildren.some(
        ({ type, startPosition }) => type !== 'comment' && startPosition.column !== node.startPosition.column,
      );
    case 'try_statement':
      return !node.namedChildren.some(({ type }) => /^(except|except_group|finally)_clause$/.test(type));
    case 'yield':
      return !within(node, /^(function_definition|lambda)$/, /^class_definition$/);
    case 'break_statement':
    case 'continue_statement':
      return !within(node, /^(for|while)_statement$/, /^(function|class)_definition$/);
    case 'future_import_statement':
      return !isFirst(node);
    case 'argument_list':
      return repeatsKeyword(node);
    case 'parameters':
    case 'lambda_parameters':
      return repeats(node);
    case 'assignment':
      // `a = b: int`
      if (node.childForFieldName('type') && node.parent?.type === 'assignment') return true;
      return /^(call|true|false|none|integer|float|string|binary_operator|comparison_operator)$/.test(
        node.childForFieldName('left')?.type ?? '',
      );
    case 'print_statement':
    case 'exec_statement':
      return true;
    case 'wildcard_import':
      return node.parent?.parent?.type !== 'module' && within(node, /^(function|class)_definition$/, /^module$/);
    default:
      return false;
  }
}

/** The first statement of a block that does not line up with the others; the block itself when it holds none. */
function misplaced(block: SyntaxNode, source: string): SyntaxNode | null {
  const statements = block.namedChildren.filter(({ type }) => type !== 'comment');
  if (block.type === 'block' && statements.length === 0) return block;
  const holder = block.type === 'block' && block.parent ? lineIndent(block.parent, source) : null;
  let indent = block.type === 'module' ? '' : null;
  for (const statement of statements) {
    const prefix = indentOf(statement, source);
    if (prefix === null) continue;
    if (indent === null && holder !== null && (prefix.length <= holder.length || !prefix.startsWith(holder)))
      return statement;
    indent ??= prefix;
    if (prefix !== indent) return statement;
  }
  return null;
}

function repeatsKeyword(list: SyntaxNode): boolean {
  const keywords = list.namedChildren.filter(({ type }) => type === 'keyword_argument');
  const names = keywords.map((node) => node.childForFieldName('name')?.text);
  const last = list.namedChildren.findLast(({ type }) => type !== 'comment' && !/splat|keyword_argument/.test(type));
  const plainAfter = last !== undefined && keywords.some((node) => node.startIndex < last.startIndex);
  return new Set(names).size !== names.length || plainAfter;
}

/** What stands before a node on its line; null when another statement does. */
function indentOf(node: SyntaxNode, source: string): string | null {
  const line = source.slice(source.lastIndexOf('\n', node.startIndex - 1) + 1, node.startIndex);
  return /^[ \t\f]*$/.test(line) ? line : null;
}

function lineIndent(node: SyntaxNode, source: string): string {
  const start = source.lastIndexOf('\n', node.startIndex - 1) + 1;
  return /^[ \t\f]*/.exec(source.slice(start, node.startIndex))![0];
}

const BRACKETS =
  /^(argument_list|parameters|type_parameter|tuple|list|set|dictionary|subscript|parenthesized_expression|generator_expression|\w+_comprehension|tuple_pattern|list_pattern|parenthesized_list_splat|string|interpolation|format_specifier|dict_pattern|class_pattern|with_clause)$/;

/** Whether a line ends between two parts of a statement where nothing carries it over: no bracket, no backslash. */
function breaksLine(node: SyntaxNode, source: string): boolean {
  if (node.hasError || /^(decorated_definition|string|concatenated_string)$/.test(node.type)) return false;
  const { children } = node;
  let open = 0;
  for (const [index, child] of children.entries()) {
    const next = children[index + 1];
    if (!child || !next) break;
    if (/^[([{]$/.test(child.type)) open++;
    if (/^[)\]}]$/.test(child.type)) open--;
    if (open > 0 || /^(comment|block)$/.test(child.type) || /^(comment|block)$|_clause$/.test(next.type)) continue;
    const between = source.slice(child.endIndex, next.startIndex).replaceAll(/\\\r?\n/g, '');
    if (between.includes('\n') && !inBrackets(node)) return true;
  }
  return false;
}

function inBrackets(node: SyntaxNode): boolean {
  for (let at: SyntaxNode | null = node; at && !/^(block|module)$/.test(at.type); at = at.parent)
    if (BRACKETS.test(at.type)) return true;
  return false;
}

/** Whether the nearest function is `async def`. */
function isAsynchronous(node: SyntaxNode): boolean {
  for (let at = node.parent; at; at = at.parent) {
    if (at.type === 'function_definition') return at.children[0]?.type === 'async';
    if (/^(lambda|class_definition)$/.test(at.type)) return false;
  }
  return false;
}

/** Whether the node stands in something of the first kind, with nothing of the second between. */
function within(node: SyntaxNode, kind: RegExp, barrier: RegExp): boolean {
  for (let at = node.parent; at; at = at.parent) {
    if (kind.test(at.type)) return true;
    if (barrier.test(at.type)) return false;
  }
  return false;
}

/** Imports from the future come before all but the docstring and each other. */
function isFirst(node: SyntaxNode): boolean {
  if (node.parent?.type !== 'module') return false;
  const before = node.parent.namedChildren.filter(
    (child) => child.type !== 'comment' && child.startIndex < node.startIndex,
  );
  return before.every(
    (child, index) =>
      child.type === 'future_import_statement' || (index === 0 && child.namedChildren[0]?.type === 'string'),
  );
}

function repeats(parameters: SyntaxNode): boolean {
  const names = parameters.namedChildren
    .filter(({ type }) => type !== 'comment')
    .map((node) => {
      if (node.type === 'identifier') return node.text;
      return (node.childForFieldName('name') ?? node.namedChildren[0])?.text ?? '';
    })
    .filter((name) => name !== '');
  return new Set(names).size !== names.length;
}
