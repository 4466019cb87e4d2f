import { readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Host } from '../../client/paths.ts';
import { WindtunnelError } from '../../contract/index.ts';
import { inPath, workspaceVenvs } from '../../environments/python-candidates.ts';
import { originalEnv } from '../exec-env.ts';

/** The user's own fal, outside of the emulator: its CLI, the Python that it runs in, and the environment that leads to the remote. */
export interface UserFal {
  cli: string;
  python: string;
  /** As it was before `exec` or `env`: every redirection of ours is gone. */
  env: Record<string, string>;
}

/**
 * The `fal` of the workspace's virtual environment, else of the PATH, as a shell in `folder` would run it. `profile`: another
 * one than the chosen. Throws E_FAL_MISSING.
 */
export function findUserFal(host: Host, folder: string, workspace: string, profile: string | undefined): UserFal {
  const original = originalEnv(host.env);
  // A profile that is named is meant: a key in the environment would win over it, in the CLI.
  const { FAL_KEY: _key, FAL_KEY_ID: _id, FAL_KEY_SECRET: _secret, ...withoutKey } = original;
  const env = profile === undefined ? original : { ...withoutKey, FAL_PROFILE: profile };
  const own = workspaceVenvs(folder, workspace).map((venv) => join(venv, 'bin', 'fal'));
  for (const candidate of [...own, 'fal']) {
    const cli = inPath(candidate, env);
    if (cli === null) continue;
    const python = interpreterOf(cli);
    if (python !== null) return { cli, python, env };
  }
  throw new WindtunnelError('E_FAL_MISSING', 'No fal CLI was found in the virtual environment here or in the PATH.', {
    hint: 'Install it where your app is developed: pip install fal',
    actions: ['pip install fal'],
  });
}

/** The Python in a console script's first line; the installer's longer form stands in the second. Null: it has none. */
function interpreterOf(cli: string): string | null {
  const [first = '', second = ''] = readFileSync(cli, 'utf8').slice(0, 4096).split('\n');
  const named = /^#!\s*(\S*python\S*)/.exec(first)?.[1] ?? /^'''exec' "?([^"\s]+)"?/.exec(second)?.[1];
  if (named !== undefined) return named;
  // A wrapper (pipx, a version manager): the Python beside the real file.
  const beside = join(dirname(realpathSync(cli)), 'python');
  return inPath(beside, {});
}

/** What the original environment must never show: keys, in whatever a program prints. */
export function keysOf(env: Readonly<Record<string, string>>): string[] {
  const values = [env.FAL_KEY, env.FAL_KEY_SECRET, env.FAL_KEY_ID && `${env.FAL_KEY_ID}:${env.FAL_KEY_SECRET ?? ''}`];
  return values.flatMap((value) => (value ? [value, value.slice(value.indexOf(':') + 1)] : []));
}
