import path from 'node:path';
import { type AppId, type ErrorCode, type RunnerSpec, WindtunnelError } from '../../contract/index.ts';
import type { Exited, StartFailure } from './messages.ts';

const CODES: Record<StartFailure['stage'], ErrorCode> = {
  mount: 'E_DATA_MOUNT',
  devices: 'E_DOCKER_GPU',
  booting: 'E_RUNNER_EXITED',
  importing: 'E_APP_IMPORT',
  setup: 'E_APP_SETUP',
  serving: 'E_RUNNER_EXITED',
};

// SyntaxError and its subclasses. Raised by the compiler they name the file; one out of eval() or ast.parse() does not.
const SYNTAX = /^(SyntaxError|IndentationError|TabError)$/;

/** The user's own error, with its place in one line and their traceback as detail. */
export function failureError(app: AppId, failure: StartFailure): WindtunnelError {
  const where = failure.file ? `${path.basename(failure.file)}:${failure.line ?? '?'}: ` : '';
  const what = failure.type ? `${failure.type}: ${failure.message}` : failure.message;
  const code = codeOf(failure);
  const prefix = failure.stage === 'serving' ? `The runner of ${app} ended. ` : '';
  return new WindtunnelError(code, `${prefix}${where}${what}`, {
    ...(failure.traceback === undefined ? {} : { detail: failure.traceback }),
    ...(failure.stage === 'setup' ? { hint: 'Mend setup() and save the file.' } : {}),
  });
}

function codeOf({ stage, type, file }: StartFailure): ErrorCode {
  if (stage === 'importing' && type && SYNTAX.test(type) && file?.endsWith('.py')) return 'E_SYNTAX';
  return CODES[stage];
}

/** What a container tells of an end that came by itself. */
export type KnownEnd = { by: 'memory' } | { by: 'exit'; code: number };

/** An end that the agent could not tell: it was killed itself, or the link was cut before its last frame was through. */
export function untoldEnd(known: KnownEnd | null, bytes: number): Exited | null {
  switch (known?.by) {
    case 'memory':
      return { code: null, signal: 'SIGKILL', cause: 'memory', bytes };
    case 'exit':
      return { code: known.code, signal: null, cause: 'crashed', bytes };
    default:
      return null;
  }
}

/**
 * Why a runner that nobody stopped is gone; `failure` is what the harness told before. `awaited` is the port that the app was to
 * listen on, and never did; null: there is none, or it did.
 */
export function exitError(
  { app, limits: { memoryBytes } }: Pick<RunnerSpec, 'app' | 'limits'>,
  exited: Exited | null,
  failure: StartFailure | null,
  awaited: number | null,
): WindtunnelError {
  if (exited?.cause === 'memory') {
    const gigabytes = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
    return new WindtunnelError(
      'E_RUNNER_MEMORY',
      `The runner of ${app} used ${gigabytes(exited.bytes)}, over the ${gigabytes(memoryBytes)} of its machine type.`,
      { hint: 'Choose a machine_type with more memory, or load less.' },
    );
  }
  if (failure) return failureError(app, failure);
  if (!exited) return new WindtunnelError('E_RUNNER_EXITED', `The runner of ${app} was killed from outside.`);
  const how = exited.signal ? `was ended by ${exited.signal}` : `ended with exit code ${exited.code ?? '?'}`;
  const before = awaited === null ? '' : ` before anything listened on port ${awaited}, its exposed_port`;
  return new WindtunnelError('E_RUNNER_EXITED', `The runner of ${app} ${how}${before}.`, {
    ...(awaited !== null && exited.code === 0
      ? { hint: 'Its server has to go on serving: the runner ends with it.' }
      : {}),
    ...(exited.signal === 'SIGSEGV' || exited.signal === 'SIGABRT'
      ? { hint: 'Native code crashed; the last lines of the log hold the Python stack.' }
      : {}),
  });
}
