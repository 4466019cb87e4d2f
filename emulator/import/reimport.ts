import { merge } from 'node-diff3';
import type { ImportedFile } from './platform.ts';

/** What to do with one file of an output folder that was imported into before. */
export type FileMerge =
  /** `content` is to be written: nothing of the user's is in its way, or both fit together. */
  | { path: string; action: 'write' | 'merge'; content: Uint8Array }
  /** It stands as it should. `edited`: with the user's own edits, and nothing new. */
  | { path: string; action: 'keep'; edited: boolean }
  /** Both changed the same lines, or the user has a file of that name: `content` goes beside it. */
  | { path: string; action: 'conflict'; content: Uint8Array }
  /** The new app has no such file. `edited`: it stays, with the user's edits. */
  | { path: string; action: 'remove'; edited: boolean };

/**
 * What a new import does to a folder that holds an earlier one. `base`: what was written last; `there`: what stands there
 * now, null for nothing. Nothing that the user wrote is lost in any case.
 */
export function planReimport(
  files: readonly Pick<ImportedFile, 'path' | 'content'>[],
  base: ReadonlyMap<string, Uint8Array>,
  there: (path: string) => Uint8Array | null,
): FileMerge[] {
  const plan = files.map(({ path, content }) => mergeFile(path, base.get(path) ?? null, there(path), content));
  for (const [path, written] of base) {
    if (files.some((file) => file.path === path)) continue;
    const mine = there(path);
    if (mine !== null) plan.push({ path, action: 'remove', edited: !same(mine, written) });
  }
  return plan;
}

function mergeFile(path: string, base: Uint8Array | null, mine: Uint8Array | null, theirs: Uint8Array): FileMerge {
  if (mine === null) return { path, action: 'write', content: theirs };
  if (same(mine, theirs)) return { path, action: 'keep', edited: false };
  if (base !== null && same(mine, base)) return { path, action: 'write', content: theirs };
  if (base !== null && same(base, theirs)) return { path, action: 'keep', edited: true };
  const texts = base === null ? null : [mine, base, theirs].map(asText);
  if (!texts || texts.includes(null)) return { path, action: 'conflict', content: theirs };
  const [own, last, next] = texts.map((text) => text!.split('\n'));
  const { conflict, result } = merge(own!, last!, next!, { excludeFalseConflicts: true });
  if (conflict) return { path, action: 'conflict', content: theirs };
  return { path, action: 'merge', content: Buffer.from(result.join('\n'), 'utf8') };
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** The text of a file; null for one that is no UTF-8. */
function asText(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}
