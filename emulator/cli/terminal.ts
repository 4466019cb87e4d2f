import type { Host } from '../client/paths.ts';
import { type ErrorCode, toWindtunnelError, WindtunnelError } from '../contract/index.ts';
import type { Style } from './style.ts';

/** The process as the commands see it; tests give their own. */
export interface Terminal {
  host: Host;
  cwd: string;
  /** Writes a line of data to stdout. */
  out(line: string): void;
  /** Writes a line for the person to stderr. */
  note(line: string): void;
  /** Aborts at the first Ctrl-C, SIGTERM or hang-up; the second ends the process. */
  interrupted: AbortSignal;
  /** Both ends are a person's: questions can be asked. */
  interactive: boolean;
  /** What goes on right now, rewritten in place where that can be; null when nothing does. */
  status(text: string | null): void;
  /** Colours of stdout. */
  style: Style;
  /** Colours of stderr. */
  noteStyle: Style;
}

/** Exit codes of the CLI (design §3); `interrupted` is what shells give a program that Ctrl-C ended, 128 + SIGINT. */
export const EXIT = { ok: 0, failed: 1, usage: 2, emulator: 3, interrupted: 130 } as const;

// What the user did is fine; the emulator, its engine or the machine under them is not.
const EMULATOR_CODES: ReadonlySet<ErrorCode> = new Set([
  'E_EMULATOR_DOWN',
  'E_EMULATOR_VERSION',
  'E_ENGINE_UNAVAILABLE',
  'E_DOCKER_MISSING',
  'E_DOCKER_DOWN',
  'E_DOCKER_PERMISSION',
  'E_DOCKER_CONTEXT',
  'E_DOCKER_GPU',
  'E_PORT_TAKEN',
  'E_STATE_NEWER',
  'E_STATE_DAMAGED',
  'E_DISK_FULL',
  'E_PLATFORM',
  'E_UPSTREAM_PROXY',
  'E_PYTHON_MISSING',
  'E_PYTHON_NO_VENV',
]);

export function exitCodeOf(error: WindtunnelError): number {
  if (error.code === 'E_USAGE') return EXIT.usage;
  if (error.kind === 'system' || EMULATOR_CODES.has(error.code)) return EXIT.emulator;
  return EXIT.failed;
}

/** Tells an error to a person: what and where, the long text that belongs to it, the fix. Returns the exit code. */
export function report(terminal: Pick<Terminal, 'note' | 'host'>, thrown: unknown): number {
  const error = toWindtunnelError(thrown);
  for (const line of errorLines(error)) terminal.note(line);
  if (error.kind === 'system' && terminal.host.env.WINDTUNNEL_DEBUG) terminal.note(String(rootCause(error).stack));
  return exitCodeOf(error);
}

export function errorLines(error: Pick<WindtunnelError, 'code' | 'message' | 'detail' | 'hint'>): string[] {
  const lines = [`error: ${error.message} [${error.code}]`];
  if (error.detail)
    lines.push(
      ...error.detail
        .trimEnd()
        .split('\n')
        .map((line) => `  | ${line}`),
    );
  if (error.hint) lines.push(`  fix: ${error.hint}`);
  return lines;
}

function rootCause(error: Error): Error {
  return error.cause instanceof Error ? rootCause(error.cause) : error;
}

export function usage(message: string, hint?: string): WindtunnelError {
  return new WindtunnelError('E_USAGE', message, hint === undefined ? {} : { hint });
}
