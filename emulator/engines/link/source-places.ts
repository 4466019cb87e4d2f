import path from 'node:path';
import { type RunnerSpec, type SourcePlace, withoutCommonEnd } from '../../contract/index.ts';

export interface PlacedWhere {
  /** The working folder of `app_files`, as the runner sees it. */
  work: string;
  /** Where a file of the emulator's machine stands in the runner. */
  place: (file: string) => string;
  /** All other paths are the same on both sides. */
  sharesFiles: boolean;
}

/**
 * Where the sources of an app stand in its runner, the most telling first; what is in none of them has no file on the user's side.
 * Of `app_files` only what lies outside of the workspace's folders: the rest is imported from those (import_guard.py).
 */
export function sourcePlaces({ payload }: RunnerSpec, { work, place, sharesFiles }: PlacedWhere): SourcePlace[] {
  if (payload.kind !== 'source') return [];
  const { bundle } = payload;
  const folders = [...new Set([bundle.root, ...bundle.guarded])];
  const places = folders.map((folder) => ({ localRoot: folder, remoteRoot: place(folder) }));
  const outside = bundle.files.filter(({ from }) => !folders.some((folder) => from.startsWith(`${folder}${path.sep}`)));
  const made = new Map<string, SourcePlace>();
  for (const { from, to } of outside) {
    if (!from.endsWith('.py')) continue;
    const pair = withoutCommonEnd(from, path.posix.join(work, to));
    made.set(`${pair.localRoot} ${pair.remoteRoot}`, pair);
  }
  // Where no place fits, a debugger shows what the runner has; so it is told of all that is the same.
  return [...places, ...made.values(), ...(sharesFiles ? [{ localRoot: '/', remoteRoot: '/' }] : [])];
}
