import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import * as z from 'zod/mini';
import { type AppSettings, AppSettingsSchema, WindtunnelError } from '../contract/index.ts';
import { assetUrl } from '../core/assets.ts';
import type { Clock } from '../core/clock.ts';

const AnswerSchema = z.union([
  z.object({ settings: AppSettingsSchema }),
  z.object({
    error: z.object({
      type: z.string(),
      message: z.string(),
      file: z.nullable(z.string()),
      line: z.nullable(z.number()),
      traceback: z.string(),
    }),
  }),
]);

// A module that imports torch and transformers takes tens of seconds on a cold disk; one that hangs must still end.
const DESCRIBE_SECONDS = 120;

export interface DescribeOptions {
  clock: Clock;
  /** Search path of the workspace: `bundle.guarded`. */
  roots: readonly string[];
  /** PATH, HOME and the app's own variables. */
  env: Record<string, string>;
  signal: AbortSignal;
}

/**
 * The true settings of an app, by importing its file under the real SDK with `python`; for those that the finder could not
 * read. Rejects with E_APP_IMPORT (what the module raised) or E_STARTUP_TIMEOUT.
 */
export async function describeApp(
  python: string,
  file: string,
  symbol: string,
  options: DescribeOptions,
): Promise<AppSettings> {
  const runner = fileURLToPath(assetUrl('runner'));
  const child = spawn(python, [`${runner}describe.py`, file, symbol, ...options.roots], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // The shim without a tunnel: a module that calls fal while it is imported is refused and never reaches the real one.
    env: {
      ...options.env,
      PYTHONPATH: [`${runner}site`, options.env.PYTHONPATH].filter(Boolean).join(':'),
      WINDTUNNEL_OUT: '/nonexistent',
      WINDTUNNEL_HOSTS: 'fal.run,fal.ai,fal.media,falrun.com,fal.dev',
    },
    signal: options.signal,
    killSignal: 'SIGKILL',
  });
  let timedOut = false;
  const timer = options.clock.setTimeout(() => {
    timedOut = true;
    child.kill('SIGKILL');
  }, DESCRIBE_SECONDS * 1000);
  const output: Buffer[] = [];
  let complaints = '';
  child.stdout.on('data', (data: Buffer) => output.push(data));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaints = (complaints + text).slice(-4096);
  });
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', () => resolve());
    });
  } catch (error) {
    options.signal.throwIfAborted();
    throw new WindtunnelError('E_APP_IMPORT', `${python} cannot be run to read the settings of ${symbol}.`, {
      cause: error,
    });
  } finally {
    timer.cancel();
  }
  options.signal.throwIfAborted();
  if (timedOut) {
    throw new WindtunnelError('E_STARTUP_TIMEOUT', `Importing ${file} took over ${DESCRIBE_SECONDS} s.`, {
      hint: 'Move slow work from the top of the file into setup().',
    });
  }
  return readAnswer(Buffer.concat(output).toString(), file, complaints);
}

function readAnswer(text: string, file: string, complaints: string): AppSettings {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new WindtunnelError('E_APP_IMPORT', `Python ended while it imported ${file}.`, { cause, detail: complaints });
  }
  const answer = z.parse(AnswerSchema, value);
  if ('settings' in answer) return answer.settings;
  const { error } = answer;
  const where = error.file ? `${error.file}:${error.line ?? '?'}: ` : '';
  throw new WindtunnelError('E_APP_IMPORT', `${where}${error.type}: ${error.message}`, { detail: error.traceback });
}
