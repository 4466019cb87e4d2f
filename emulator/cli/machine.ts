import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Host } from '../client/paths.ts';

/** Full path of a program in PATH, or null. */
export function which(host: Host, program: string): string | null {
  for (const folder of (host.env.PATH ?? '').split(delimiter)) {
    if (folder === '') continue;
    const path = join(folder, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch (error) {
      // Not here, or not executable: the next folder may have it, as a shell looks.
      if (!(error instanceof Error && 'code' in error)) throw error;
    }
  }
  return null;
}
