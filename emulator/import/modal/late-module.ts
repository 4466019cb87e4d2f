import type { Edit } from '../edits.ts';
import type { Ledger } from '../ledger.ts';
import { globalLines } from '../module-edits.ts';
import { lineEnd, lineStart, moveLines, withComments } from '../move-statements.ts';
import { boundNames } from '../names.ts';
import { functionEdits, globalNames, pickledNames } from '../setup-body.ts';
import type { PythonParser, SyntaxNode } from '../syntax.ts';
import { GAP } from './definition-edits.ts';
import type { ImageChain } from './objects.ts';
import type { ModalModule, Statement } from './read-module.ts';

export interface LateModule {
  edits: Edit[];
  /** Whether there is a load_module to call, and which image it must be told. */
  needed: boolean;
  perImage: boolean;
}

/** A name for an image by which apps say which one is theirs. */
export function imageLabel(image: ImageChain | null): string {
  if (!image) return '';
  return image.name ?? `image at line ${(image.steps.at(-1)?.node.startPosition.row ?? 0) + 1}`;
}

/**
 * Takes what must wait out of the module, into a function that each app calls first. `edits` are those of the
 * statements themselves, which move along.
 */
export function lateModule(
  module: ModalModule,
  text: string,
  file: string,
  edits: readonly Edit[],
  images: ReadonlySet<string>,
  parser: PythonParser,
  ledger: Ledger,
): LateModule {
  const result: LateModule = { edits: [], needed: false, perImage: false };
  unwrapImports(module, text, edits, result.edits);
  const late = module.statements.filter(({ fate }) => fate === 'late');
  if (late.length === 0) return result;
  const own = functionEdits(
    late.map(({ node }) => ({ node, fate: 'setup' as const })),
    file,
    ledger,
  );
  const all = [...edits, ...own];
  const labels = new Set(late.flatMap(({ image }) => (image && image.steps.length > 0 ? [imageLabel(image)] : [])));
  result.perImage = labels.size > 0 && [...images].some((label) => !labels.has(label) || labels.size > 1);
  const lines: string[] = [];
  let block: SyntaxNode | null = null;
  let open = false;
  const close = (image: ImageChain | null) => {
    if (!open) return;
    lines.push(
      '    except Exception:',
      `        if image == ${JSON.stringify(imageLabel(image))}:`,
      '            raise',
    );
    open = false;
  };
  let before: Statement | null = null;
  for (const statement of late) {
    const { node, prefix, image, top } = statement;
    if (open && block?.id !== top.id) close(before?.image ?? null);
    const guarded = result.perImage && image !== null && image.steps.length > 0;
    if (guarded && !open) {
      lines.push('    try:');
      open = true;
    }
    block = top;
    const start = withComments(node, text);
    const end = lineEnd(text, node.endIndex);
    const pad = guarded ? '        ' : '    ';
    const moved = moveLines(text, { start, end, prefix }, all, node, pad).replace(/\s+$/, '');
    if (/^(function|class|decorated)_definition$/.test(node.type) && lines.length > 0) lines.push('');
    if (moved.trim() !== '') lines.push(...moved.split('\n'));
    before = statement;
  }
  close(before?.image ?? null);
  // An import that an app's function of the same name replaced must not come back over it.
  const replaced = new Set(
    module.statements
      .slice(module.statements.indexOf(late.at(-1)!))
      .flatMap(({ node, fate }) => (fate === 'unit' ? [...boundNames(node)] : [])),
  );
  const names = globalNames(lines, parser).filter((name) => !replaced.has(name));
  const globals = globalLines(names).map((line) => line.slice(4));
  const there = module.statements.filter(({ fate }) => fate === 'kept' || fate === 'unit' || fate === 'local');
  const pickled = pickledNames(
    there.map(({ node }) => ({ node, fate: 'kept' as const })),
    lines,
    parser,
    '    ',
  );
  const needsPass = lines.every((line) => /^\s*(#|$)/.test(line));
  const definition = [
    `def load_module(${result.perImage ? 'image' : ''}):`,
    '    """What the file did when it was imported, and what can be done in a runner only."""',
    ...globals,
    ...pickled,
    ...lines,
    ...(needsPass ? ['    pass'] : []),
  ];
  for (const [index, { node }] of late.entries()) {
    const start = withComments(node, text);
    const end = lineEnd(text, node.endIndex);
    result.edits.push({ start, end, text: index === 0 ? `${GAP}${definition.join('\n')}\n\n\n${GAP}` : GAP });
  }
  result.needed = true;
  return result;
}

/** `with image.imports():` goes; what stands in it and can be had anywhere comes out of the block. */
function unwrapImports(module: ModalModule, text: string, edits: readonly Edit[], into: Edit[]): void {
  const blocks = new Map<number, SyntaxNode>();
  for (const { node, top } of module.statements) if (node.id !== top.id) blocks.set(top.id, top);
  for (const block of blocks.values()) {
    const inside = module.statements.filter(({ top }) => top.id === block.id);
    const first = inside[0]!;
    const start = lineStart(text, block.startIndex);
    const sameLine = first.node.startPosition.row === block.startPosition.row;
    const colon = block.children.find((child) => child?.type === ':');
    const end = sameLine ? first.node.startIndex : lineEnd(text, colon?.endIndex ?? block.startIndex);
    const comment = sameLine ? undefined : /#[^\n]*/.exec(text.slice(colon?.endIndex ?? end, end))?.[0];
    into.push({ start, end, text: sameLine ? '' : `${comment === undefined ? '' : `${comment}\n`}${GAP}` });
    for (const { node, fate, prefix } of inside) {
      if (fate === 'late' || fate === 'gone') continue;
      if (prefix === '') continue;
      const from = withComments(node, text);
      const to = lineEnd(text, node.endIndex);
      into.push({ start: from, end: to, text: moveLines(text, { start: from, end: to, prefix }, edits, node, '') });
    }
  }
}
