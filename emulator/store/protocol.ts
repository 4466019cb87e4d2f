import type { FailpointRule } from '../core/failpoints.ts';
import type { DocumentChange } from './documents.ts';

// What crosses between the emulator's thread and the writer thread. Plain data only; the worker runs this file with its types
// stripped, so nothing here or in what the worker imports may need more than that.

export type SqlValue = string | number | null;

/** A body as a row keeps it: bytes, or the name of a file in the store's `bodies` folder that is synced already. */
export interface BodyRow {
  size: number;
  file: string | null;
  bytes: Uint8Array | null;
}

/** Consecutive lines of one request's log, and what its limit has dropped so far. */
export interface LogChunk {
  seq: number;
  /** Index of the first line. */
  first: number;
  count: number;
  /** Bytes of text, as the limit counts them. */
  bytes: number;
  /** JSON array of LogLine. */
  lines: string;
  dropped: DroppedLogs | null;
}

export interface DroppedLogs {
  lines: number;
  bytes: number;
  /** ms since the epoch of the first dropped line. */
  at: number;
}

export type Op =
  | { kind: 'submit'; row: SqlValue[]; body: BodyRow }
  | { kind: 'update'; seq: number; fields: SqlValue[]; story: string }
  /** With `deliverAt` (ms since the epoch) the delivery of its webhook is due, from the same commit on. */
  | {
      kind: 'complete';
      seq: number;
      fields: SqlValue[];
      body: BodyRow;
      story: string;
      deliverAt: number | null;
      forgetInput: boolean;
    }
  /** Adds to the story of a request. */
  | { kind: 'story'; seq: number; story: string }
  /** A webhook was tried: again at `nextAt` (ms since the epoch), or never again where null. */
  | { kind: 'delivery'; seq: number; tries: number; nextAt: number | null; story: string }
  | { kind: 'kv-set'; db: string; key: string; value: string; expiresAt: number }
  | { kind: 'kv-delete'; db: string; key: string }
  /** Removes values that ended before `now`. */
  | { kind: 'kv-expire'; now: number }
  | { kind: 'logs'; chunks: LogChunk[] }
  | { kind: 'expire'; seqs: number[] }
  | { kind: 'documents'; changes: DocumentChange[] }
  | { kind: 'barrier' }
  | { kind: 'read-body'; table: BodyTable; seq: number }
  | { kind: 'read-logs'; seq: number; from: number; to: number }
  | { kind: 'read-story'; seq: number }
  | { kind: 'kv-get'; db: string; key: string; now: number };

export type BodyTable = 'inputs' | 'results';

/** What the promise of each operation resolves to. */
export interface OpResults {
  submit: undefined;
  update: undefined;
  complete: undefined;
  story: undefined;
  delivery: undefined;
  'kv-set': undefined;
  'kv-delete': undefined;
  'kv-expire': undefined;
  logs: undefined;
  expire: undefined;
  documents: undefined;
  barrier: undefined;
  'read-body': BodyRow | null;
  /** JSON arrays of LogLine that cover the range, with the index of the first line of each. */
  'read-logs': { first: number; lines: string }[];
  /** Events as JSON, each followed by a line break. */
  'read-story': string;
  'kv-get': string | null;
}

export type ReadKind = 'read-body' | 'read-logs' | 'read-story' | 'kv-get';

/** A webhook that is still to be delivered. */
export interface DeliveryRow {
  seq: number;
  /** Calls so far. */
  tries: number;
  /** ms since the epoch. */
  nextAt: number;
}

/** An operation with the number that its answer carries. */
export type NumberedOp = Op & { n: number };

export type ToWorker = { type: 'ops'; ops: NumberedOp[] } | { type: 'close' };

export type StoreErrorCode = 'E_STORE' | 'E_DISK_FULL' | 'E_STATE_NEWER' | 'E_STATE_DAMAGED' | 'E_STATE_LOCKED';

/** An error as it crosses threads. */
export interface StoreFailure {
  code: StoreErrorCode;
  message: string;
  hint?: string;
  actions?: string[];
}

export interface Acks {
  done: number[];
  failed: [n: number, failure: StoreFailure][];
  values: [n: number, value: OpResults[ReadKind]][];
}

/** A row of `requests`, its columns by name. */
export type RequestRow = Record<string, SqlValue>;

/** How much log one request has on disk. */
export interface LogTotals {
  seq: number;
  lines: number;
  bytes: number;
}

export type FromWorker =
  | { type: 'records'; rows: RequestRow[] }
  | { type: 'logs'; totals: LogTotals[] }
  | { type: 'documents'; documents: DocumentChange[] }
  | { type: 'deliveries'; rows: DeliveryRow[] }
  | { type: 'opened'; lastSeq: number; orphans: number; missing: string[] }
  | { type: 'failed'; failure: StoreFailure }
  | ({ type: 'acks' } & Acks)
  | { type: 'closed' };

/** Faults that the tests must catch. Honoured only where failpoints are armed. */
export type Sabotage = 'sync-off' | 'ack-before-commit';

export interface WorkerStart {
  dir: string;
  failpoints: readonly FailpointRule[] | null;
  sabotage: Sabotage | null;
}
