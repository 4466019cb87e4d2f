import { accessSync, constants, existsSync } from 'node:fs';
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

/** Which GPU a process here can reach, by what its driver leaves in /dev; null where there is none. */
export function findGpu(host: Host): string | null {
  if (existsSync('/dev/nvidia0') || existsSync('/dev/dxg')) return 'NVIDIA';
  if (existsSync('/dev/kfd')) return 'AMD ROCm';
  // An app finds Apple's GPU as MPS, never as CUDA: for code that asks for a fal GPU machine it counts as none.
  return host.platform === 'linux' && existsSync('/proc/driver/nvidia/gpus') ? 'NVIDIA' : null;
}
