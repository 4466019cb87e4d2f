import type { SyntaxNode } from '../python-parser.ts';
import { rangeOf, type SourceFinding, type SourceFix } from './finding.ts';
import { HEAVY } from './sdk-attributes.ts';

/** Imports that run when the file is loaded: `fal deploy` loads it on the machine that deploys. */
export function heavyImports(root: SyntaxNode): SourceFinding[] {
  return moduleLevel(root).flatMap((node): SourceFinding[] => {
    const from = node.childForFieldName('module_name');
    const names = from ? [from] : node.childrenForFieldName('name');
    return names.flatMap((item): SourceFinding[] => {
      const module = (item?.childForFieldName('name') ?? item)?.text.split('.')[0] ?? '';
      if (!HEAVY.has(module)) return [];
      return [
        {
          check: 'heavy-import',
          level: 'warning',
          message: `${module} is imported at the top of the file: whoever deploys needs it installed, and waits for it.`,
          hint: 'Import it in setup() and in the methods that use it.',
          range: rangeOf(node),
          ...movedIntoUsers(root, node, names),
        },
      ];
    });
  });
}

/** Import statements at module level, also in `if` and `try`; those for type checkers alone are left out. */
function moduleLevel(node: SyntaxNode): SyntaxNode[] {
  return node.namedChildren.flatMap((child) => {
    if (child.type === 'import_statement' || child.type === 'import_from_statement') return [child];
    if (child.type === 'if_statement' && /TYPE_CHECKING/.test(child.childForFieldName('condition')?.text ?? ''))
      return [];
    return /^(if_statement|try_statement|with_statement|block|else_clause|elif_clause|except_clause|finally_clause)$/.test(
      child.type,
    )
      ? moduleLevel(child)
      : [];
  });
}

/**
 * The import at the head of each function that uses its names. Only where that changes nothing else: it imports one thing, stands
 * by itself at module level, and all its uses are inside functions, none in a signature or a class body.
 */
function movedIntoUsers(
  root: SyntaxNode,
  node: SyntaxNode,
  names: readonly (SyntaxNode | null)[],
): { fix?: SourceFix } {
  const imported = node.childrenForFieldName('name');
  if (names.length !== 1 || node.parent?.type !== 'module' || imported.length === 0) return {};
  const bound = new Set(
    imported.map((item) => item?.childForFieldName('alias')?.text ?? item?.text.split('.')[0] ?? ''),
  );
  const users = new Map<number, SyntaxNode>();
  for (const use of root.descendantsOfType('identifier')) {
    if (!use || !bound.has(use.text) || !isUse(use) || within(use, node)) continue;
    const body = outermostBody(use);
    if (!body) return {};
    users.set(body.id, body);
  }
  if (users.size === 0) return {};
  const { startPosition: start, endPosition: end } = node;
  const line = { start: { line: start.row + 1, column: 0 }, end: { line: end.row + 2, column: 0 } };
  return {
    fix: {
      title: `Import it in the ${users.size === 1 ? 'function that uses' : 'functions that use'} it`,
      edits: [
        { range: line, text: '' },
        ...[...users.values()].map((body) => {
          const { row, column } = firstStatement(body).startPosition;
          const at = { line: row + 1, column };
          return { range: { start: at, end: at }, text: `${node.text}\n${' '.repeat(column)}` };
        }),
      ],
    },
  };
}

/** Not the name of an attribute or of a keyword argument. */
function isUse(name: SyntaxNode): boolean {
  const { parent } = name;
  if (parent?.type === 'attribute') return parent.childForFieldName('object')?.id === name.id;
  if (parent?.type === 'keyword_argument') return parent.childForFieldName('value')?.id === name.id;
  return true;
}

const within = (inner: SyntaxNode, outer: SyntaxNode): boolean =>
  inner.startIndex >= outer.startIndex && inner.endIndex <= outer.endIndex;

/** Body of the outermost function around a node; null where the node is in none, or in the head of that function. */
function outermostBody(node: SyntaxNode): SyntaxNode | null {
  let outermost: SyntaxNode | null = null;
  for (let one = node.parent; one; one = one.parent) if (one.type === 'function_definition') outermost = one;
  const body = outermost?.childForFieldName('body') ?? null;
  return body && within(node, body) ? body : null;
}

/** After the docstring. */
function firstStatement(body: SyntaxNode): SyntaxNode {
  const [first, second] = body.namedChildren.filter((node) => node?.type !== 'comment');
  const isDocstring = first?.type === 'expression_statement' && first.namedChildren[0]?.type === 'string';
  return (isDocstring ? second : first) ?? body;
}
