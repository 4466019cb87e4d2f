import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, readSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { damaged, StoreFailureError } from './failure.ts';
import { bodiesPath, databasePath } from './layout.ts';
import type { Sabotage } from './protocol.ts';
import { APPLICATION_ID, migrate, SCHEMA_VERSION } from './schema.ts';

// Long enough for an emulator that was just killed to let go of its lock.
const LOCK_WAIT_MS = 2000;
// Pages in the log before it is folded into the main file: 16 MiB, so that the stall is rare and the file stays small.
const CHECKPOINT_PAGES = 4096;
const WAL_KEEP_BYTES = 64 * 1024 * 1024;

/** Opens the state in `dir` for this process alone, creating or migrating it. Throws what `toFailure` can classify. */
export function openDatabase(dir: string, sabotage: Sabotage | null): DatabaseSync {
  const created = mkdirSync(bodiesPath(dir), { recursive: true, mode: 0o700 });
  if (created !== undefined) syncFolders(bodiesPath(dir), dirname(created));
  const file = databasePath(dir);
  refuseLostDatabase(dir, file);
  const db = new DatabaseSync(file);
  try {
    // Exclusive: the file lock is held until close or death, so a second emulator is refused and no shared memory is needed.
    db.exec(`PRAGMA busy_timeout = ${LOCK_WAIT_MS}; PRAGMA locking_mode = EXCLUSIVE`);
    const version = pragma(db, 'user_version');
    refuseForeign(db, file, version);
    db.exec('PRAGMA journal_mode = WAL');
    db.exec(`PRAGMA synchronous = ${sabotage === 'sync-off' ? 'OFF' : 'FULL'}`);
    // macOS: fsync alone leaves the data in the drive's cache. No effect elsewhere.
    db.exec('PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON');
    db.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}; PRAGMA journal_size_limit = ${WAL_KEEP_BYTES}`);
    checkIntegrity(db, file);
    // Takes the write lock now, not at the first submit.
    db.exec('BEGIN IMMEDIATE; COMMIT');
    migrate(db, version);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Deletes body files without a row, left by a crash between file and commit; names rows whose file is gone. */
export function reconcileBodies(db: DatabaseSync, dir: string): { orphans: number; missing: string[] } {
  const rows = db
    .prepare('SELECT file FROM inputs WHERE file IS NOT NULL UNION ALL SELECT file FROM results WHERE file IS NOT NULL')
    .all();
  const expected = new Set(rows.map((row) => String(row.file)));
  let orphans = 0;
  for (const name of readdirSync(bodiesPath(dir))) {
    if (expected.delete(name)) continue;
    rmSync(join(bodiesPath(dir), name), { recursive: true, force: true });
    orphans++;
  }
  return { orphans, missing: [...expected] };
}

/** Makes a new folder and the names on the way to it durable; `top` existed before. */
function syncFolders(bottom: string, top: string): void {
  for (let folder = bottom; ; folder = dirname(folder)) {
    const fd = openSync(folder, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    if (folder === top || folder === dirname(folder)) return;
  }
}

/**
 * SQLite takes an empty or missing file for a new database and removes its log. Where bodies or a log stand beside it, it was
 * there before: refuse, so that nothing is dropped silently.
 */
function refuseLostDatabase(dir: string, file: string): void {
  if (sizeOf(file) > 0) {
    const head = readHead(file, 16);
    if (head !== 'SQLite format 3\0') throw new StoreFailureError(damaged(file, 'the file is not a database.'));
    return;
  }
  if (sizeOf(`${file}-wal`) > 0 || readdirSync(bodiesPath(dir)).length > 0) {
    throw new StoreFailureError(damaged(file, 'the file is missing or empty, but its log or bodies are there.'));
  }
}

function refuseForeign(db: DatabaseSync, file: string, version: number): void {
  const application = pragma(db, 'application_id');
  const empty = db.prepare('SELECT count(*) AS n FROM sqlite_schema').get()?.n === 0;
  if (application !== APPLICATION_ID && !(empty && application === 0)) {
    throw new StoreFailureError(damaged(file, 'it is a database of another program.'));
  }
  if (version > SCHEMA_VERSION) {
    throw new StoreFailureError({
      code: 'E_STATE_NEWER',
      message: `The state in ${file} has version ${version}; this Windtunnel knows versions up to ${SCHEMA_VERSION}.`,
      hint: 'Update Windtunnel, or run `windtunnel clean --state` to move the state aside.',
      actions: ['windtunnel clean --state'],
    });
  }
}

function checkIntegrity(db: DatabaseSync, file: string): void {
  const verdict = db.prepare('PRAGMA quick_check(1)').get()?.quick_check;
  if (verdict !== 'ok') throw new StoreFailureError(damaged(file, String(verdict)));
}

function pragma(db: DatabaseSync, name: string): number {
  return Number(db.prepare(`PRAGMA ${name}`).get()?.[name]);
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function readHead(file: string, bytes: number): string {
  const fd = openSync(file, 'r');
  try {
    const head = Buffer.alloc(bytes);
    const read = readSync(fd, head, 0, bytes, 0);
    return head.toString('latin1', 0, read);
  } finally {
    closeSync(fd);
  }
}
