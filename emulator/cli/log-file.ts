import { closeSync, fstatSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { isDiskFull } from '../contract/index.ts';
import type { Clock } from '../core/clock.ts';
import type { Disposable } from '../core/disposable.ts';
import { createLog, type Log, type Severity } from '../core/log.ts';
import type { Redactor } from '../core/redactor.ts';

// Bytes at which the log becomes `emulator.log.1`, looked at when the emulator starts and as it grows.
const ROTATE_BYTES = 10 * 1024 * 1024;

export interface LogFile extends Disposable {
  log: Log;
}

export interface LogFileOptions {
  file: string;
  clock: Clock;
  redactor: Redactor;
  debug: boolean;
  /** Told what a person should see at once. */
  warn: (line: string) => void;
}

/** The emulator's own log: one JSON object a line in the state folder, without secrets, never larger than two files. */
export function openLogFile({ file, clock, redactor, debug, warn }: LogFileOptions): LogFile {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  rotate(file);
  let fd: number | null = openSync(file, 'a', 0o600);
  let size = fstatSync(fd).size;
  const sink = (severity: Severity, tag: string, message: string, fields?: Record<string, unknown>) => {
    if (severity === 'debug' && !debug) return;
    const at = new Date(clock.now()).toISOString();
    const text = redactor.redact(JSON.stringify({ at, severity, tag, message, ...plain(fields) }));
    if (severity === 'warn' || severity === 'error') {
      warn(redactor.redact(`${severity === 'warn' ? 'warning' : 'error'}: ${message}${detailOf(fields)}`));
    }
    if (fd === null) return;
    try {
      size += writeSync(fd, `${text}\n`);
    } catch (error) {
      // What cannot be logged must not end the emulator, whose queue says by itself that the disk is full.
      if (isDiskFull(error)) return;
      throw error;
    }
    if (size <= ROTATE_BYTES) return;
    closeSync(fd);
    rotate(file);
    fd = openSync(file, 'a', 0o600);
    size = 0;
  };
  return {
    log: createLog(sink),
    dispose: () => {
      if (fd !== null) closeSync(fd);
      fd = null;
    },
  };
}

function rotate(file: string): void {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  if (size > ROTATE_BYTES) renameSync(file, `${file}.1`);
}

/** Errors become text: JSON.stringify would make `{}` of them. */
function plain(fields: Record<string, unknown> | undefined): Record<string, unknown> {
  if (!fields) return {};
  return Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      value instanceof Error ? (value.stack ?? value.message) : value,
    ]),
  );
}

function detailOf(fields: Record<string, unknown> | undefined): string {
  const parts = Object.entries(fields ?? {}).map(
    ([key, value]) => `${key} ${value instanceof Error ? value.message : String(value)}`,
  );
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}
