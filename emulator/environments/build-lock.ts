import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../core/clock.ts';
import type { Disposable } from '../core/disposable.ts';

// How often a waiting process looks whether the other has finished. ms.
const POLL = 200;

/**
 * A lock over processes, held by the kernel for as long as the holder lives: SQLite's exclusive lock on a file of its
 * own. A pid file would need rules for stale ones (reused pids, two that take over at once); this has none to get wrong.
 */
export function tryLock(file: string): Disposable | null {
  mkdirSync(path.dirname(file), { recursive: true });
  const db = new DatabaseSync(file);
  try {
    db.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
  } catch (error) {
    db.close();
    if (isBusy(error)) return null;
    throw error;
  }
  // The file stays: deleting it would let a third process lock a new one beside the holder of the old.
  return { dispose: () => db.close() };
}

/** Waits for the lock; rejects with the signal's reason. `onWait` is called once when another process holds it. */
export async function lock(file: string, clock: Clock, signal: AbortSignal, onWait: () => void): Promise<Disposable> {
  for (let waited = false; ; waited = true) {
    signal.throwIfAborted();
    const held = tryLock(file);
    if (held) return held;
    if (!waited) onWait();
    await clock.sleep(POLL, signal);
  }
}

// SQLITE_BUSY, SQLITE_LOCKED
const isBusy = (error: unknown): boolean => {
  const code = (error as { errcode?: unknown }).errcode;
  return code === 5 || code === 6;
};
