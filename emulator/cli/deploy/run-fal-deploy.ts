import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { stripVTControlCharacters } from 'node:util';
import { WindtunnelError } from '../../contract/index.ts';
import { createRedactor } from '../../core/redactor.ts';
import { annotationsOf } from './deployment-diff.ts';
import type { LoadedApp } from './fal-project.ts';
import { keysOf, type UserFal } from './user-fal.ts';

export interface FalDeployOptions {
  /** `FILE[::Symbol]` */
  ref: string;
  env: string | undefined;
  team: string | undefined;
  appName: string | undefined;
  auth: string | undefined;
  strategy: string | undefined;
  resetScale: boolean;
  message: string | undefined;
}

/** Lines of a failure that are shown with it: a traceback of some depth. */
const LAST_LINES = 60;

export function falDeployArguments(app: LoadedApp, options: FalDeployOptions): string[] {
  const { ref, env, team, appName, auth, strategy, resetScale, message } = options;
  const flag = (name: string, value: string | undefined): string[] => (value === undefined ? [] : [name, value]);
  return [
    'deploy',
    ref,
    ...flag('--env', env),
    ...flag('--team', team),
    ...flag('--app-name', appName),
    ...flag('--auth', auth),
    ...flag('--strategy', strategy),
    ...flag('--message', message),
    ...(resetScale ? ['--reset-scale'] : []),
    // Who asked has seen the difference and said yes.
    '--yes',
    ...Object.entries(annotationsOf(app)).flatMap(([key, value]) => ['--annotation', `${key}=${value}`]),
  ];
}

/** The user's own `fal deploy`, line by line, no key in any. Rejects with E_DEPLOY_FAILED, with the last lines. */
export async function runFalDeploy(
  fal: UserFal,
  args: readonly string[],
  { cwd, signal, onLine }: { cwd: string; signal: AbortSignal; onLine: (line: string) => void },
): Promise<void> {
  signal.throwIfAborted();
  const redactor = createRedactor(keysOf(fal.env));
  const child = spawn(fal.cli, args, {
    cwd,
    // Not cut at the width of a terminal that it does not have.
    env: { ...fal.env, COLUMNS: '200', NO_COLOR: '1', PYTHONUNBUFFERED: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const interrupt = () => child.kill('SIGINT');
  signal.addEventListener('abort', interrupt, { once: true });
  const last: string[] = [];
  const read = async (stream: NodeJS.ReadableStream) => {
    for await (const line of createInterface({ input: stream })) {
      const text = redactor.redact(stripVTControlCharacters(line).trimEnd());
      last.push(text);
      if (last.length > LAST_LINES) last.shift();
      onLine(text);
    }
  };
  try {
    const [code] = await Promise.all([
      new Promise<number | null>((resolve, reject) => {
        child.once('error', reject);
        child.once('close', resolve);
      }),
      read(child.stdout),
      read(child.stderr),
    ]);
    signal.throwIfAborted();
    if (code === 0) return;
    const reason = last.findLast((line) =>
      /^\s*(?:[\w.]+(?:Error|Exception)\b.*|Error:.*|.*✗.*|.*\bfailed\b.*)/.test(line),
    );
    throw new WindtunnelError(
      'E_DEPLOY_FAILED',
      `fal deploy failed${reason ? `: ${reason.trim()}` : ` (exit ${code})`}`,
      {
        detail: last.join('\n'),
        hint: 'What was deployed before serves on. Reproduce it here with `windtunnel run`.',
      },
    );
  } finally {
    signal.removeEventListener('abort', interrupt);
  }
}
