import type { Environment } from './exec-env.ts';

// What a process needs to be at home on this machine. The rest of the shell's variables stays out, as production has none of
// it: an app that needs a variable gets it from .env or the secret store.
const INHERITED = new Set([
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'LANG',
  'LANGUAGE',
  'TZ',
  'TMPDIR',
  'LD_LIBRARY_PATH',
  'DYLD_LIBRARY_PATH',
  'CUDA_HOME',
  'CUDA_PATH',
  'CUDA_VISIBLE_DEVICES',
  'ROCM_PATH',
  'HIP_VISIBLE_DEVICES',
]);
const PROXIES = /^(https?|all|no)_proxy$/i;

/** What a runner inherits of the environment that the emulator was started in; pass the one before any `exec`. */
export function runnerParentEnv(env: Environment): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value === undefined) continue;
    if (INHERITED.has(name) || name.startsWith('LC_') || PROXIES.test(name)) result[name] = value;
  }
  return result;
}
