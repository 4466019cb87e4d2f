import type { Edit } from '../edits.ts';
import type { Ledger } from '../ledger.ts';
import { type SyntaxNode, walk } from '../syntax.ts';

/** Where a network volume is mounted in a worker, and where fal keeps files between runs. */
export const VOLUME = '/runpod-volume';
export const VOLUME_AT_FAL = '/data/runpod-volume';

/** A volume's path at the start of a string, not inside of another path. */
const PATH = /(^|[\s=:"'])\/runpod-volume(?=$|[/\s:"'])/g;

/** The text with the volume's paths replaced. */
export function moveVolume(text: string): string {
  return text.replace(PATH, `$1${VOLUME_AT_FAL}`);
}

/** Moves the volume's paths in all strings of a file. True when there were any. */
export function volumeEdits(root: SyntaxNode, file: string, ledger: Ledger, edits: Edit[]): boolean {
  let found = false;
  for (const node of walk(root)) {
    if (node.type !== 'string_content' || isDocstring(node.parent)) continue;
    const text = moveVolume(node.text);
    if (text === node.text) continue;
    found = true;
    edits.push({ start: node.startIndex, end: node.endIndex, text });
    ledger.note('F701', 'CHECK', {
      source: { file, line: node.startPosition.row + 1 },
      text: node.parent?.text ?? node.text,
      reason: `${VOLUME} is ${VOLUME_AT_FAL} here: /data is shared by all your apps, and other runners see a write late.`,
      next: `Copy the volume's files to ${VOLUME_AT_FAL}; write a file under another name, then rename it.`,
      anchor: { file, text: VOLUME_AT_FAL },
    });
  }
  return found;
}

function isDocstring(node: SyntaxNode | null): boolean {
  return node?.parent?.type === 'expression_statement' && node.parent.namedChildCount === 1;
}
