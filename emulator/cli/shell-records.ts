import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PREFIX = 'file:';

// As long as the key that the same shell got (EXEC_KEY_MS of the key ring): after that it needs a new `env` anyway.
const KEPT_MS = 30 * 24 * 3600 * 1000;

/** Whether a variable's value is a reference of `keepRecord`; base64 has no colon. */
export const isKept = (value: string): boolean => value.startsWith(PREFIX);

/** The record that a reference names. Throws the system's error where it is gone. */
export const readKept = (reference: string): string => readFileSync(reference.slice(PREFIX.length), 'utf8');

/**
 * Keeps what a shell's environment was in a file that only the user can read, and returns a reference to it; `before`, the one
 * that the shell has, is kept on where it says the same. Files past their time are removed. `now` in ms since the epoch.
 */
export function keepRecord(folder: string, record: string, before: string | undefined, now: number): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const name of readdirSync(folder)) {
    const file = join(folder, name);
    if (now - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? now) > KEPT_MS) rmSync(file, { force: true });
  }
  if (before !== undefined && isKept(before) && saysTheSame(before, record)) return before;
  const file = join(folder, `${randomBytes(8).toString('hex')}.json`);
  writeFileSync(file, record, { mode: 0o600, flag: 'wx' });
  return PREFIX + file;
}

function saysTheSame(reference: string, record: string): boolean {
  try {
    return readKept(reference) === record;
  } catch (error) {
    // Removed just now, for its age.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}
