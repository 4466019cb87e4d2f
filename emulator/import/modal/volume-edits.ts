import type { Edit } from '../edits.ts';
import { type SyntaxNode, walk } from '../syntax.ts';
import type { VolumeMount } from './settings.ts';

/** Mounts that are too general to be looked for in texts. */
const GENERAL = /^(\/|\/root|\/home|\/tmp|\/opt|\/usr|\/var|\/data|\/mnt)\/?$/;

export interface VolumeEdits {
  edits: Edit[];
  /** Mounts that nothing in the code names: libraries look there by themselves. */
  linked: Set<string>;
  /** A path of the image, moved when it lies on a volume. */
  moved(path: string): string;
}

/** Paths on volumes, in the strings of the code, lead to the folders under /data. */
export function volumeEdits(
  root: SyntaxNode,
  volumes: readonly VolumeMount[],
  skipped: (node: SyntaxNode) => boolean,
): VolumeEdits {
  const known = volumes.filter(({ bucket, mount }) => !bucket && !GENERAL.test(mount));
  known.sort((a, b) => b.mount.length - a.mount.length);
  const used = new Set<string>();
  const moved = (path: string): string => {
    const found = known.find(({ mount }) => path === mount || path.startsWith(`${mount}/`));
    if (!found) return path;
    used.add(found.mount);
    return found.target + path.slice(found.mount.length);
  };
  const edits: Edit[] = [];
  for (const node of walk(root)) {
    if (node.type !== 'string' || node.parent?.type === 'expression_statement' || skipped(node)) continue;
    const first = node.namedChildren[0];
    const content = first?.type === 'string_start' ? node.namedChildren[1] : first;
    if (content?.type !== 'string_content' || /^[rf]*b/i.test(node.text)) continue;
    const text = content.text;
    const found = known.find(({ mount }) => text === mount || text.startsWith(`${mount}/`));
    if (!found) continue;
    edits.push({ start: content.startIndex, end: content.startIndex + found.mount.length, text: found.target });
    if (isRead(node, root, skipped)) used.add(found.mount);
  }
  const linked = new Set(volumes.filter(({ bucket }) => !bucket).map(({ mount }) => mount));
  return {
    edits,
    get linked() {
      return new Set(
        [...linked].filter(
          (mount) => !used.has(mount) && mount.length > 1 && !/^\/(root|home|tmp|usr|var|opt|data)$/.test(mount),
        ),
      );
    },
    moved,
  };
}

/** Whether a string is read by code: it is not only the value of a name that nothing but a decorator reads. */
function isRead(node: SyntaxNode, root: SyntaxNode, skipped: (node: SyntaxNode) => boolean): boolean {
  let at: SyntaxNode = node;
  while (at.parent && at.parent.type !== 'module') at = at.parent;
  const assignment = at.type === 'expression_statement' ? at.namedChildren[0] : null;
  const left = assignment?.type === 'assignment' ? assignment.childForFieldName('left') : null;
  if (left?.type !== 'identifier') return true;
  for (const other of walk(root)) {
    if (other.type === 'identifier' && other.text === left.text && other.id !== left.id && !skipped(other)) return true;
  }
  return false;
}
