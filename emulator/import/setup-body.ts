import type { Edit } from './edits.ts';
import type { Ledger } from './ledger.ts';
import type { PlannedStatement } from './module-plan.ts';
import { lineEnd, lineStart, moveLines, withComments } from './move-statements.ts';
import { boundNames } from './names.ts';
import { type PythonParser, type SyntaxNode, walk } from './syntax.ts';

/** Lines that become the body of `setup`, indented by `pad`, and edits that take them from where they were. */
export function setupBody(
  plan: readonly PlannedStatement[],
  source: string,
  edits: readonly Edit[],
  dropped: ReadonlySet<number>,
  pad = '        ',
): { lines: string[]; removals: Edit[] } {
  const lines: string[] = [];
  const removals: Edit[] = [];
  for (const { node, fate } of plan) {
    if (fate !== 'setup' && fate !== 'main') continue;
    const start = withComments(node, source);
    const end = lineEnd(source, node.endIndex);
    removals.push({ start, end: afterBlankLines(source, start, end), text: '' });
    if (dropped.has(node.id)) {
      // The comments above the call that started the worker say nothing about what is left.
      continue;
    }
    const range = fate === 'main' ? mainRange(node, source) : { start, end, prefix: '' };
    const text = moveLines(source, range, edits, node, pad).replace(/\s+$/, '');
    const definition = /^(function|class|decorated)_definition$/.test(node.type);
    if (definition && lines.length > 0) lines.push('');
    if (text.trim() !== '') lines.push(...text.split('\n'));
  }
  return { lines, removals };
}

/**
 * A line that names what classes in the moved statements read of the module, or none. cloudpickle takes along the globals
 * that functions load, but misses those that the body of a class loads: annotations, decorators, attributes.
 */
export function pickledNames(
  plan: readonly PlannedStatement[],
  body: readonly string[],
  parser: PythonParser,
  pad = '        ',
): string[] {
  const early = new Set(plan.flatMap(({ node, fate }) => (fate === 'kept' ? [...boundNames(node)] : [])));
  const used = parser.withTree(`def setup():\n${body.join('\n')}\n`, (root) => {
    const inner = root.descendantsOfType('class_definition').flatMap((node) => node.descendantsOfType('identifier'));
    return [...new Set(inner.map(({ text }) => text))].filter((name) => early.has(name)).sort();
  });
  if (used.length === 0) return [];
  return [
    `${pad}# Named, so that they are pickled along: the classes below read them.`,
    `${pad}_ = (${used.join(', ')},)`,
  ];
}

/** Blank lines that would stand beside other blank lines when what was between them is gone. */
function afterBlankLines(source: string, start: number, end: number): number {
  if (start > 0 && !/\n[ \t]*\n$/.test(source.slice(0, start))) return end;
  const rest = /^(?:[ \t]*\n)+/.exec(source.slice(end));
  return rest ? end + rest[0].length : end;
}

function mainRange(node: SyntaxNode, source: string): { start: number; end: number; prefix: string } {
  const block = node.childForFieldName('consequence')!;
  const first = block.namedChildren[0] ?? block;
  const from = lineStart(source, first.startIndex);
  const prefix = source.slice(from, first.startIndex);
  const header = node.startPosition.row;
  if (prefix.trim() !== '') return { start: first.startIndex, end: node.endIndex, prefix: '' };
  // Comments between the header and the first statement come along.
  let start = from;
  for (const comment of node.namedChildren) {
    if (comment.type === 'comment' && comment.startPosition.row > header)
      start = Math.min(start, lineStart(source, comment.startIndex));
  }
  return { start, end: lineEnd(source, node.endIndex), prefix };
}

/** Names that the body binds, which it must declare global: the functions that stayed in the module read them there. */
export function globalNames(body: readonly string[], parser: PythonParser): string[] {
  const text = body.join('\n');
  return parser.withTree(`def setup():\n${text}\n`, (root) => {
    const block = root.namedChildren[0]?.childForFieldName('body');
    const names = block ? boundNames(block) : new Set<string>();
    return [...names].filter((name) => /^[^\W\d]\w*$/u.test(name)).sort();
  });
}

/** What Python allows at module level and not in a function. */
export function functionEdits(plan: readonly PlannedStatement[], file: string, ledger: Ledger): Edit[] {
  const edits: Edit[] = [];
  for (const { node: statement, fate } of plan) {
    if (fate !== 'setup' && fate !== 'main') continue;
    const line = statement.startPosition.row + 1;
    for (const node of atOnce(statement)) {
      if (node.type === 'assignment' && node.childForFieldName('type')) {
        // An annotated name cannot be declared global.
        const left = node.childForFieldName('left')!;
        const right = node.childForFieldName('right');
        if (left.type !== 'identifier') continue;
        if (right) edits.push({ start: left.endIndex, end: right.startIndex, text: ' = ' });
        else edits.push({ start: node.startIndex, end: node.endIndex, text: 'pass' });
      }
      if (node.type === 'wildcard_import') {
        const from = node.parent!;
        const module = from.childForFieldName('module_name')!.text;
        const text = `globals().update({k: v for k, v in vars(__import__(${JSON.stringify(module)}, fromlist=["*"])).items() if not k.startswith("_")})`;
        edits.push({ start: from.startIndex, end: from.endIndex, text });
        ledger.note('F104', 'CHECK', {
          source: { file, line: from.startPosition.row + 1 },
          text: from.text,
          reason: 'A star import cannot stand in setup(): its names are put in the module one by one.',
          next: 'Import the names that are used by name.',
        });
      }
      const called = node.type === 'call' ? node.childForFieldName('function') : null;
      const method = called?.childForFieldName('attribute')?.text;
      if (/^parse_(known_)?args$/.test(method ?? '') && node.childForFieldName('arguments')!.namedChildCount === 0) {
        const given = node.childForFieldName('arguments')!;
        edits.push({ start: given.startIndex, end: given.endIndex, text: '([])' });
        ledger.note('F106', 'CHECK', {
          source: { file, line: node.startPosition.row + 1 },
          text: statement.text,
          reason: 'A fal app has no command line: the arguments keep their defaults.',
          next: 'Set in code what the start command set.',
        });
      }
    }
    if (fate === 'main') {
      ledger.note('F105', 'OK', {
        source: { file, line },
        text: statement.text,
        reason: 'What the file did when it was run is done in setup().',
      });
    }
  }
  return edits;
}

function* atOnce(node: SyntaxNode): Generator<SyntaxNode> {
  yield node;
  // A class that moves keeps the annotations of its body: they are its fields.
  if (/^(function|class)_definition$/.test(node.type)) return;
  for (const child of node.namedChildren) {
    if (!/^(function_definition|class_definition|lambda)$/.test(child.type)) yield* atOnce(child);
  }
}

/** Whether any name of the module is used that Python gives a file. */
export function usesFileName(root: SyntaxNode): boolean {
  for (const node of walk(root)) if (node.type === 'identifier' && node.text === '__file__') return true;
  return false;
}
