import { applyEdits, type Edit, editsWithin } from './edits.ts';
import { type SyntaxNode, walk } from './syntax.ts';

/** Where a statement's own comments begin: the comment lines right above it, without a blank line between. */
export function withComments(node: SyntaxNode, source: string): number {
  let start = lineStart(source, node.startIndex);
  if (source.slice(start, node.startIndex).trim() !== '') return node.startIndex;
  for (let before = node.previousNamedSibling; before?.type === 'comment'; before = before.previousNamedSibling) {
    const from = lineStart(source, before.startIndex);
    const whole = source.slice(from, before.startIndex).trim() === '';
    if (!whole || before.endPosition.row !== rowAt(source, start) - 1 || /^#!|coding[:=]/.test(before.text)) break;
    start = from;
  }
  return start;
}

/** End of a statement's line, with a comment that stands on it and its line end. */
export function lineEnd(source: string, end: number): number {
  const rest = /^[ \t]*(#[^\n]*)?(\n|$)/.exec(source.slice(end));
  return rest ? end + rest[0].length : end;
}

export function lineStart(source: string, at: number): number {
  return source.lastIndexOf('\n', at - 1) + 1;
}

function rowAt(source: string, at: number): number {
  let row = 0;
  for (let index = source.indexOf('\n'); index >= 0 && index < at; index = source.indexOf('\n', index + 1)) row++;
  return row;
}

/**
 * The lines of `[start, end)` with their edits made and moved from one indentation to another. Lines inside of strings
 * stay as they are.
 */
export function moveLines(
  source: string,
  range: { start: number; end: number; prefix: string },
  edits: readonly Edit[],
  holder: SyntaxNode,
  pad: string,
): string {
  const { start, end, prefix } = range;
  const inside = new Set<number>();
  for (const node of walk(holder)) {
    if (node.type !== 'string') continue;
    for (let row = node.startPosition.row + 1; row <= node.endPosition.row; row++) inside.add(row);
  }
  const shifted: Edit[] = editsWithin(edits, start, end).map((edit) => ({
    ...edit,
    text: edit.text.replaceAll(`\n${prefix}`, `\n${pad}`),
  }));
  const text = source.slice(start, end);
  let row = rowAt(source, start);
  for (let at = 0; at < text.length; row++) {
    const next = text.indexOf('\n', at);
    const line = text.slice(at, next < 0 ? text.length : next);
    if (!inside.has(row) && line.trim() !== '') {
      const cut = line.startsWith(prefix) ? prefix.length : (/^[ \t]*/.exec(line)?.[0].length ?? 0);
      const drop = prefix === '' ? 0 : cut;
      shifted.unshift({ start: at, end: at + drop, text: pad });
    }
    if (next < 0) break;
    at = next + 1;
  }
  return applyEdits(text, shifted);
}
