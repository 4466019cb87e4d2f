import { spawnSync } from 'node:child_process';

// As root plainly; else with a user namespace, in which the caller is root.
const AS = [[], ['--map-root-user']];

/**
 * What to put before a command so that it runs in a network namespace that holds nothing but loopback (and, if asked,
 * with mounts of its own): whatever is not redirected fails there instead of reaching fal. Null where there is none.
 */
export function emptyNetwork(options: { mounts: boolean }): string[] | null {
  const kinds = ['--net', ...(options.mounts ? ['--mount'] : [])];
  const as = AS.find((flags) => spawnSync('unshare', [...flags, ...kinds, 'true']).status === 0);
  return as ? ['unshare', ...as, ...kinds, '--'] : null;
}

/** In a fresh network namespace loopback is down; elsewhere this fails or changes nothing. */
export function raiseLoopback(): void {
  spawnSync('ip', ['link', 'set', 'lo', 'up']);
}
