import { createHash, randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type RegistryEntry, RegistryEntrySchema, WindtunnelError } from '../contract/index.ts';
import { processStart } from './process-identity.ts';

export interface RegistryFiles {
  registry: string;
  lock: string;
}

/** The right to be the one emulator of a workspace. */
export interface Claim {
  /** A dead emulator's entry was found: its leftovers must be swept. */
  stale: RegistryEntry | null;
  /** Makes the emulator findable. */
  publish(entry: Omit<RegistryEntry, 'pid' | 'processStart'>): void;
  /** Removes entry and lock. */
  release(): void;
}

interface Holder {
  pid: number;
  processStart: string;
}

/** The entry of the emulator that runs for a workspace, or null. Entries of dead processes do not count. */
export function readRegistry(files: RegistryFiles): RegistryEntry | null {
  const entry = parseEntry(files.registry);
  return entry && isAlive(entry) ? entry : null;
}

/**
 * Takes the workspace's lock, or returns null when a live process has it. The lock file is created with its content in one
 * step (link), so no reader ever sees an empty one.
 */
export function claimWorkspace(files: RegistryFiles): Claim | null {
  mkdirSync(dirname(files.lock), { recursive: true, mode: 0o700 });
  const me = self();
  if (!takeLock(files.lock, me)) return null;
  const stale = parseEntry(files.registry);
  if (stale) rmSync(files.registry, { force: true });
  return {
    stale,
    publish: (entry) => writeAtomic(files.registry, JSON.stringify({ ...entry, ...me }, null, 2)),
    release: () => {
      rmSync(files.registry, { force: true });
      rmSync(files.lock, { force: true });
    },
  };
}

/** Pid of the live process that holds the lock (it may be starting still), or null. */
export function lockHolder(files: RegistryFiles): number | null {
  const holder = readHolder(files.lock);
  return holder && isAlive(holder) ? holder.pid : null;
}

/** Attempts, with RETRY_MS between them where another process is at work: a takeover is a few system calls. */
const ATTEMPTS = 400;
const RETRY_MS = 5;

function takeLock(lock: string, me: Holder): boolean {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (linkNew(lock, JSON.stringify(me))) return true;
    const seen = readText(lock);
    if (seen === null) continue;
    const holder = parseHolder(seen);
    if (holder && isAlive(holder)) return false;
    if (succeed(lock, lock, seen, me)) return true;
    // Another one is taking it over: wait until the lock names it.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
  }
  throw new WindtunnelError('E_INTERNAL', `The lock of this workspace cannot be taken: ${lock}`);
}

/**
 * Puts ours in the place of `file`, whose content `seen` names a dead process; false when another process is at it or was
 * faster. A dead one's place is never free in between, and has one successor: whoever links the name made of its content.
 * While that link stands nobody else replaces `file`, so that what is read after it was made still holds at the rename. A
 * successor that died on the way has one itself.
 */
function succeed(lock: string, file: string, seen: string, me: Holder): boolean {
  const successor = `${lock}.after-${createHash('sha256').update(seen).digest('hex').slice(0, 16)}`;
  if (!linkNew(successor, JSON.stringify(me))) {
    const other = readText(successor);
    if (other === null) return false;
    const holder = parseHolder(other);
    if ((holder && isAlive(holder)) || !succeed(lock, successor, other, me)) return false;
  }
  if (readText(file) === seen) {
    renameSync(successor, file);
    return true;
  }
  rmSync(successor, { force: true });
  return false;
}

function linkNew(path: string, content: string): boolean {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  writeFileSync(temporary, content, { mode: 0o600 });
  try {
    linkSync(temporary, path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

function writeAtomic(path: string, content: string): void {
  const temporary = `${path}.${randomBytes(6).toString('hex')}`;
  writeFileSync(temporary, content, { mode: 0o600 });
  renameSync(temporary, path);
}

function readHolder(path: string): Holder | null {
  const text = readText(path);
  return text === null ? null : parseHolder(text);
}

function parseHolder(text: string): Holder | null {
  const parsed = parseJson(text);
  if (typeof parsed !== 'object' || parsed === null) return null;
  const { pid, processStart: start } = parsed as Partial<Holder>;
  return typeof pid === 'number' && typeof start === 'string' ? { pid, processStart: start } : null;
}

function parseEntry(path: string): RegistryEntry | null {
  const parsed = RegistryEntrySchema.safeParse(parseJson(readText(path) ?? ''));
  return parsed.success ? parsed.data : null;
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Undefined for what is not JSON: such a file names no live process, so it counts as stale. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const isAlive = (holder: Holder): boolean => processStart(holder.pid) === holder.processStart;

function self(): Holder {
  const start = processStart(process.pid);
  if (start === null) throw new WindtunnelError('E_INTERNAL', 'The start time of this process cannot be read.');
  return { pid: process.pid, processStart: start };
}

const errorCode = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined);
