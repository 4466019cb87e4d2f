import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'vitest';

export interface SmallDisk {
  /** Leaves no byte, in these files neither. */
  fill(...open: string[]): void;
  free(): void;
  unmount(): void;
}

/** Mounts a small file system on an existing folder, for the caller to unmount; skips the test where that is not allowed. */
export function smallDisk(context: Pick<TestContext, 'skip'>, folder: string, mebibytes: number): SmallDisk {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'windtunnel-test', folder], { stdio: 'ignore' });
  } catch {
    context.skip('needs the right to mount a small tmpfs (root on Linux)');
  }
  const filler = path.join(folder, 'filler');
  return {
    fill: (...open) => {
      append(filler, Buffer.alloc(4096));
      // A file that has begun its last page could still grow by the rest of it.
      for (const file of open) append(file, Buffer.from('\n'));
    },
    free: () => rmSync(filler, { force: true }),
    // Lazy: whatever a failed test left open must not keep the mount.
    unmount: () => void execFileSync('umount', ['--lazy', folder]),
  };
}

/** Until there is no room. */
function append(file: string, bytes: Buffer): void {
  const fd = openSync(file, 'a');
  try {
    for (;;) writeSync(fd, bytes);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
  } finally {
    closeSync(fd);
  }
}
