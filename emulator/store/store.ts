import type { EmulatorEvent, LogLine, RequestOutcome, RequestRecord } from '../contract/index.ts';
import type { Disposable } from '../core/disposable.ts';
import type { Delivery } from './deliveries.ts';
import type { Documents } from './documents.ts';
import type { KeyValueStore } from './kv-store.ts';

/** A body in memory, or in a file of the store that was synced. */
export type StoredBody = { kind: 'bytes'; bytes: Uint8Array } | { kind: 'file'; path: string; size: number };

/**
 * Durable queue state. Records live in memory (reads are synchronous), bodies in SQLite rows or files. A promise returned
 * here resolves after COMMIT with synchronous=FULL. The store persists what the fleet decides; it decides nothing.
 */
export interface RequestStore extends Disposable {
  /** The same object each time. Only what came from here may be changed and handed to `update` and `complete`. */
  get(id: string): RequestRecord | undefined;
  /**
   * All records in submit order; after opening, those that were running are IN_PROGRESS still. To be read only: one that `get`
   * never gave may be a copy.
   */
  records(): IterableIterator<RequestRecord>;
  /** Next submit number, unique over restarts. */
  nextSeq(): number;

  /** A place for an input or result that is too large for memory: write to `path`, then hand the body to submit/complete. */
  newBodyFile(): string;

  /**
   * Adds a record with its input. Visible to `get` only once durable. Rejects with E_DISK_FULL or E_STORE, having removed the
   * input's file; the store is usable afterwards.
   */
  submit(record: RequestRecord, input: StoredBody): Promise<void>;
  input(id: string): Promise<StoredBody>;
  /** Persists the mutable fields of a record (state, attempt, runner, …). The caller need not wait. */
  update(record: RequestRecord): Promise<void>;
  /**
   * Makes the end of a request durable, then sets `record.outcome`, `state`, `completedAt` and resolves. A crash before that
   * leaves the request as it was. So does a rejection (E_DISK_FULL, E_STORE, complete already): a file given as `result` is the
   * caller's still, who may try again. A webhook is due from the same commit on; the input of a request that is not to be
   * stored (`storeIo`) is forgotten with it.
   */
  complete(record: RequestRecord, outcome: RequestOutcome, completedAt: number, result: StoredBody): Promise<void>;
  /** Null when expired or not complete. */
  result(id: string): Promise<StoredBody | null>;

  /** Adds lines to a request's log; durable soon, in order. Enforces LIMITS.logBytesPerRequest with one line that says so. */
  appendLogs(id: string, lines: readonly LogLine[]): void;
  /** Lines from index `from` on; includes what is not yet on disk. */
  logs(id: string, from?: number): Promise<LogLine[]>;
  logCount(id: string): number;

  /** Adds an event to a request's story; durable with its next change of state, at once when it is complete. */
  appendStory(id: string, event: EmulatorEvent): void;
  /** The events that were added, oldest first. */
  story(id: string): Promise<EmulatorEvent[]>;

  /** Webhooks that are still to be delivered. */
  deliveries(): Delivery[];
  /** A webhook was tried: it is due again at `nextAt` (ms since the epoch), or never again where null. */
  delivered(id: string, tries: number, nextAt: number | null): Promise<void>;

  /** Forgets what expired before `now`; returns how many. */
  expire(now: number): Promise<number>;
  /** Everything handed over so far is on disk. */
  flush(): Promise<void>;
}

/** All durable state of one workspace. */
export interface Store extends RequestStore {
  readonly documents: Documents;
  readonly kv: KeyValueStore;
}
