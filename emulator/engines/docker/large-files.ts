import { stat } from 'node:fs/promises';
import path from 'node:path';
import type { RunnerSpec } from '../../contract/index.ts';
import { PLACES } from './places.ts';

/** Model weights and the like are mounted, read-only: sent in the archive they would be copied at every start. */
const MOUNTED_OVER_BYTES = 64 * 1024 * 1024;

/** Files of the app over the limit: path on this machine → path in the container. */
export async function largeFiles({ payload }: RunnerSpec): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  if (payload.kind !== 'source') return found;
  for (const { from, to } of payload.bundle.files) {
    if ((await stat(from)).size > MOUNTED_OVER_BYTES) found.set(from, path.posix.join(PLACES.work, to));
  }
  return found;
}
