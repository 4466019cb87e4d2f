import type { Node } from 'web-tree-sitter';

export type SyntaxNode = Node;

/** Parses Python; `emulator/find` has one. The tree is freed when `use` returns. */
export interface PythonParser {
  withTree<T>(source: string, use: (root: SyntaxNode) => T): T;
}

/** The node and all named nodes below it, in source order. */
export function* walk(node: SyntaxNode): Generator<SyntaxNode> {
  yield node;
  for (const child of node.namedChildren) yield* walk(child);
}

/** `a.b.c` of a name or attribute chain, else null. */
export function dotted(node: SyntaxNode | null): string | null {
  if (node?.type === 'identifier') return node.text;
  if (node?.type !== 'attribute') return null;
  const owner = dotted(node.childForFieldName('object'));
  return owner === null ? null : `${owner}.${node.childForFieldName('attribute')?.text ?? ''}`;
}

/** Text of a plain string literal; null for f-strings, bytes and strings with escapes that need decoding. */
export function stringText(node: SyntaxNode | null): string | null {
  if (node?.type === 'concatenated_string') {
    const parts = node.namedChildren.filter(({ type }) => type === 'string').map(stringText);
    return parts.every((part) => part !== null) ? parts.join('') : null;
  }
  if (node?.type !== 'string') return null;
  const prefix = node.firstChild?.text.replace(/["']+$/, '').toLowerCase() ?? '';
  if (/[bft]/.test(prefix)) return null;
  const content = node.namedChildren.filter(({ type }) => type === 'string_content');
  const text = content.map((part) => part.text).join('');
  return text.includes('\\') && !prefix.includes('r') ? null : text;
}

export type Literal = string | number | boolean | null | Literal[] | { [key: string]: Literal };

/** The JSON-like constant that an expression is; undefined for anything else. */
export function literal(node: SyntaxNode | null): Literal | undefined {
  if (!node) return undefined;
  switch (node.type) {
    case 'true':
      return true;
    case 'false':
      return false;
    case 'none':
      return null;
    case 'integer':
    case 'float': {
      const value = Number(node.text.replaceAll('_', ''));
      return Number.isFinite(value) ? value : undefined;
    }
    case 'unary_operator': {
      const value = literal(node.childForFieldName('argument'));
      return node.children[0]?.type === '-' && typeof value === 'number' ? -value : undefined;
    }
    case 'string':
    case 'concatenated_string':
      return stringText(node) ?? undefined;
    case 'list':
    case 'tuple': {
      const items = node.namedChildren.filter(({ type }) => type !== 'comment').map(literal);
      return items.includes(undefined) ? undefined : (items as Literal[]);
    }
    case 'dictionary': {
      const result: { [key: string]: Literal } = {};
      for (const pair of node.namedChildren) {
        if (pair.type === 'comment') continue;
        const key = stringText(pair.childForFieldName('key'));
        const value = literal(pair.childForFieldName('value'));
        if (pair.type !== 'pair' || key === null || value === undefined) return undefined;
        result[key] = value;
      }
      return result;
    }
    default:
      return undefined;
  }
}

/** The nearest statement around a node that starts its own line, so that a comment line can be put before it. */
export function lineStatement(node: SyntaxNode, source: string): SyntaxNode {
  let found = node;
  for (let at: SyntaxNode | null = node; at; at = at.parent) {
    if (at.parent && /^(module|block)$/.test(at.parent.type)) {
      found = at;
      const line = source.slice(source.lastIndexOf('\n', at.startIndex - 1) + 1, at.startIndex);
      if (/^[ \t\f]*$/.test(line)) return at;
    }
  }
  return found;
}

/** Functions and classes of the module itself, by name, decorated or not. */
export function definitions(root: SyntaxNode): Map<string, SyntaxNode> {
  const found = new Map<string, SyntaxNode>();
  for (const node of walk(root)) {
    if (node.type !== 'function_definition' && node.type !== 'class_definition') continue;
    const outer = node.parent?.type === 'decorated_definition' ? node.parent : node;
    const holder = outer.parent;
    const inModule = holder?.type === 'module' || (holder?.type === 'block' && !insideDefinition(outer));
    if (inModule) found.set(node.childForFieldName('name')?.text ?? '', node);
  }
  return found;
}

/** Whether a node stands in the body of a function or class. */
export function insideDefinition(node: SyntaxNode): boolean {
  for (let at = node.parent; at; at = at.parent) {
    if (at.type === 'function_definition' || at.type === 'class_definition' || at.type === 'lambda') return true;
  }
  return false;
}
