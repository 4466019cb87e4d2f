import type { StoreFailure } from './protocol.ts';

/** SQLite's primary result codes that are told apart. Source: sqlite.org/rescode.html. */
const SQLITE = { BUSY: 5, LOCKED: 6, NOMEM: 7, INTERRUPT: 9, IOERR: 10, CORRUPT: 11, FULL: 13, NOTADB: 26 } as const;

const BATCH_ENDING = new Set<number>(Object.values(SQLITE));

/** An error that has its final form already. */
export class StoreFailureError extends Error {
  readonly failure: StoreFailure;

  constructor(failure: StoreFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** A damaged state: says what is wrong with which file, and how to go on without losing what can still be read from it. */
export function damaged(file: string, what: string): StoreFailure {
  return {
    code: 'E_STATE_DAMAGED',
    message: `The state in ${file} is damaged: ${what}`,
    hint: 'Run `windtunnel clean --state` to move it aside (it is kept) and start with an empty state.',
    actions: ['windtunnel clean --state'],
  };
}

/** Any error of SQLite or the file system, by what the user can do about it. `dir` is the state folder. */
export function toFailure(error: unknown, dir: string): StoreFailure {
  if (error instanceof StoreFailureError) return error.failure;
  const message = error instanceof Error ? error.message : String(error);
  const code = primaryCode(error);
  if (code === SQLITE.FULL || isNoSpace(error)) {
    return {
      code: 'E_DISK_FULL',
      message: `The disk that holds ${dir} is full.`,
      hint: 'Free some space on it, then try again; nothing that was acknowledged is lost.',
    };
  }
  if (code === SQLITE.CORRUPT || code === SQLITE.NOTADB) return damaged(dir, message);
  if (code === SQLITE.BUSY) {
    return {
      code: 'E_STATE_LOCKED',
      message: `The state in ${dir} is in use by another emulator.`,
      hint: 'Stop that one with `windtunnel down`, or use it.',
      actions: ['windtunnel down'],
    };
  }
  return { code: 'E_STORE', message: `The store in ${dir} failed: ${message}` };
}

/** SQLite may have rolled the whole transaction back: no single operation can be taken out of it. */
export function endsBatch(error: unknown): boolean {
  const code = primaryCode(error);
  return code !== null && BATCH_ENDING.has(code);
}

/** The error of a ROLLBACK where no transaction is open. (`isTransaction` would tell, but is newer than Node 22.15.) */
export function saysNoTransaction(error: unknown): boolean {
  return error instanceof Error && error.message.includes('no transaction is active');
}

function primaryCode(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return null;
  // The low byte of an extended code is its primary code.
  return error.errcode & 0xff;
}

function isNoSpace(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT');
}
