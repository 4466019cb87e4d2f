// Long: the whole of one interface, Store, over one piece of state.
import {
  type EmulatorEvent,
  type LogLine,
  type RequestOutcome,
  type RequestRecord,
  WindtunnelError,
} from '../contract/index.ts';
import type { Clock } from '../core/clock.ts';
import type { Failpoints } from '../core/failpoints.ts';
import type { Log } from '../core/log.ts';
import { BodyCache } from './body-cache.ts';
import { BodyFiles } from './body-files.ts';
import { Deliveries, type Delivery } from './deliveries.ts';
import { DocumentTable } from './documents.ts';
import { damaged } from './failure.ts';
import { SqliteKeyValueStore } from './kv-store.ts';
import type { BodyRow, BodyTable, FromWorker } from './protocol.ts';
import { RecordTable } from './record-table.ts';
import { droppedOf, mutableValues, readRecord, recordValues } from './records.ts';
import { RequestLogs } from './request-logs.ts';
import type { Store, StoredBody } from './store.ts';
import { asStoreError, storeError } from './store-error.ts';
import { Stories } from './stories.ts';
import { TextPool } from './text-pool.ts';
import type { WriterThread } from './writer-thread.ts';

/** Requests forgotten in one operation: a batch of them stays short. */
const EXPIRE_CHUNK = 500;

export interface SqliteStoreParts {
  dir: string;
  clock: Clock;
  log: Log;
  failpoints: Failpoints;
  /** Bytes of small bodies kept in memory. */
  cacheBytes: number;
}

/** Store over the writer thread: records in memory, everything else on disk. Made by `openStore`. */
export class SqliteStore implements Store {
  readonly documents = new DocumentTable((changes) =>
    this.track(this.writer.send<'documents'>({ kind: 'documents', changes })),
  );
  private readonly parts: SqliteStoreParts;
  private readonly table = new RecordTable();
  /** Ids whose submit or completion is under way. */
  private readonly submitting = new Set<string>();
  private readonly completing = new Set<string>();
  private readonly working = new Set<Promise<unknown>>();
  private readonly pool = new TextPool();
  private readonly cache: BodyCache;
  private readonly files: BodyFiles;
  private readonly requestLogs: RequestLogs;
  private readonly stories = new Stories();
  private readonly due = new Deliveries();
  readonly kv: SqliteKeyValueStore;
  private readonly log: Log;
  private writer!: WriterThread;
  private missingFiles: ReadonlySet<string> = new Set();
  private lastSeq = 0;
  /** No outcome expires before this. ms since the epoch. */
  private nextExpiry = Number.POSITIVE_INFINITY;
  private closing: Promise<void> | null = null;

  constructor(parts: SqliteStoreParts) {
    this.parts = parts;
    this.log = parts.log;
    this.cache = new BodyCache(parts.cacheBytes);
    this.files = new BodyFiles(parts.dir, parts.failpoints);
    this.requestLogs = new RequestLogs(() => this.writer, parts.clock, parts.log);
    this.kv = new SqliteKeyValueStore(() => this.writer, parts.clock);
  }

  /** Takes in what the writer thread found on disk. Returned function is for WriterThread.start. */
  loader(): (message: Exclude<FromWorker, { type: 'acks' | 'failed' | 'closed' }>) => void {
    return (message) => {
      if (message.type === 'records') {
        for (const row of message.rows) {
          const record = readRecord(row, this.pool);
          if (this.table.has(record.id)) throw new Error(`the request id ${record.id} is there twice`);
          this.insert(record);
          const dropped = droppedOf(row);
          if (dropped) this.requestLogs.restoreDropped(record.seq, dropped);
        }
      } else if (message.type === 'documents') {
        this.documents.apply(message.documents);
      } else if (message.type === 'logs') {
        for (const totals of message.totals) this.requestLogs.restoreTotals(totals);
      } else if (message.type === 'deliveries') {
        this.due.restore(message.rows, this.table.objectValues());
      } else {
        this.lastSeq = message.lastSeq;
        this.missingFiles = new Set(message.missing);
        if (message.orphans > 0) this.log.info('removed body files that no request owns', { files: message.orphans });
        if (message.missing.length > 0) this.log.warn('body files are missing', { files: message.missing });
      }
    };
  }

  attach(writer: WriterThread): void {
    this.writer = writer;
  }

  get(id: string): RequestRecord | undefined {
    return this.table.get(id);
  }

  records(): IterableIterator<RequestRecord> {
    return this.table.inOrder().values();
  }

  nextSeq(): number {
    return ++this.lastSeq;
  }

  newBodyFile(): string {
    return this.files.newPath();
  }

  submit(record: RequestRecord, input: StoredBody): Promise<void> {
    return this.track(this.submitNow(record, input));
  }

  async input(id: string): Promise<StoredBody> {
    const record = this.known(id);
    const body = await this.body('inputs', record.seq);
    if (body === null) throw new WindtunnelError('E_STORE', `The input of request ${id} is not stored.`);
    return body;
  }

  update(record: RequestRecord): Promise<void> {
    const seq = record.seq;
    const story = this.stories.take(seq);
    const fields = mutableValues(record);
    const written = this.track(this.writer.send<'update'>({ kind: 'update', seq, fields, story }));
    // The caller need not wait, so a failure must neither pass unseen nor end the process.
    written.catch((error: unknown) => {
      this.stories.putBack(seq, story);
      this.log.error('a change of state was not stored', { error, request: record.id });
    });
    return written;
  }

  complete(record: RequestRecord, outcome: RequestOutcome, completedAt: number, result: StoredBody): Promise<void> {
    return this.track(this.completeNow(record, outcome, completedAt, result));
  }

  async result(id: string): Promise<StoredBody | null> {
    const record = this.table.get(id);
    if (!record || record.outcome === null || record.outcome.expiresAt < this.parts.clock.now()) return null;
    return this.body('results', record.seq);
  }

  appendLogs(id: string, lines: readonly LogLine[]): void {
    const record = this.table.get(id);
    if (record) this.requestLogs.append(record.seq, lines);
    else this.log.debug('log lines of a request that is forgotten', { lines: lines.length, request: id });
  }

  async logs(id: string, from = 0): Promise<LogLine[]> {
    const record = this.table.get(id);
    return record ? this.requestLogs.read(record.seq, from) : [];
  }

  logCount(id: string): number {
    const record = this.table.get(id);
    return record ? this.requestLogs.count(record.seq) : 0;
  }

  appendStory(id: string, event: EmulatorEvent): void {
    const record = this.table.get(id);
    // Of a request that is forgotten, or of a direct call, which leaves no record.
    if (!record) return;
    const { seq } = record;
    this.stories.append(seq, event);
    if (record.outcome === null) return;
    const story = this.stories.take(seq);
    this.track(this.writer.send<'story'>({ kind: 'story', seq, story })).catch((error: unknown) => {
      this.stories.putBack(seq, story);
      this.log.error('an event of a request was not stored', { error, request: id });
    });
  }

  async story(id: string): Promise<EmulatorEvent[]> {
    const record = this.table.get(id);
    if (!record) return [];
    const { seq } = record;
    return this.stories.events(seq, await this.writer.send<'read-story'>({ kind: 'read-story', seq }));
  }

  deliveries(): Delivery[] {
    return this.due.list();
  }

  async delivered(id: string, tries: number, nextAt: number | null): Promise<void> {
    const record = this.table.get(id);
    if (!record) return;
    const { seq } = record;
    const story = this.stories.take(seq);
    await this.track(this.writer.send<'delivery'>({ kind: 'delivery', seq, tries, nextAt, story }));
    this.due.set(record, tries, nextAt);
  }

  expire(now: number): Promise<number> {
    return this.track(Promise.all([this.expireNow(now), this.kv.expire()]).then(([expired]) => expired));
  }

  async flush(): Promise<void> {
    // What is being prepared first, so that the barrier is behind it.
    await Promise.allSettled([...this.working]);
    await this.requestLogs.flush();
    await this.writer.send<'barrier'>({ kind: 'barrier' });
  }

  dispose(): Promise<void> {
    this.closing ??= this.close();
    return this.closing;
  }

  private async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      await this.writer.close();
    }
  }

  private async submitNow(record: RequestRecord, input: StoredBody): Promise<void> {
    const { id, seq } = record;
    if (this.table.has(id) || this.submitting.has(id)) {
      throw new WindtunnelError('E_STORE', `A request with the id ${id} is stored already.`);
    }
    this.submitting.add(id);
    const row = recordValues(record, this.pool);
    try {
      await this.writeBody('inputs', seq, input, (body) => {
        return this.writer.send<'submit'>({ kind: 'submit', row, body });
      });
      this.parts.failpoints.hit('store.submit-acknowledged');
    } catch (error) {
      // A refused submit is final for its input: on a full disk its file would stand in the way until the next start.
      if (input.kind === 'file') await this.files.remove(input.path);
      throw asStoreError(error, this.parts.dir);
    } finally {
      this.submitting.delete(id);
    }
    this.insert(record);
  }

  private async completeNow(
    record: RequestRecord,
    outcome: RequestOutcome,
    completedAt: number,
    result: StoredBody,
  ): Promise<void> {
    const { id, seq } = record;
    if (this.known(id).outcome !== null || this.completing.has(id)) {
      throw new WindtunnelError('E_STORE', `Request ${id} is complete already.`);
    }
    this.completing.add(id);
    const story = this.stories.take(seq);
    const deliverAt = record.webhook === null ? null : completedAt;
    try {
      this.requestLogs.pump();
      const fields = mutableValues(record, { outcome, at: completedAt });
      const forgetInput = !record.storeIo;
      await this.writeBody('results', seq, result, (body) => {
        return this.writer.send<'complete'>({ kind: 'complete', seq, fields, body, story, deliverAt, forgetInput });
      });
      this.cache.delete('inputs', seq);
    } catch (error) {
      this.stories.putBack(seq, story);
      throw asStoreError(error, this.parts.dir);
    } finally {
      this.completing.delete(id);
    }
    record.outcome = outcome;
    record.state = 'COMPLETED';
    record.completedAt = completedAt;
    if (deliverAt !== null) this.due.set(record, 0, deliverAt);
    this.nextExpiry = Math.min(this.nextExpiry, outcome.expiresAt);
  }

  /** Brings a body to where its row may point, then the row; takes both back when the row is refused. */
  private async writeBody(
    table: BodyTable,
    seq: number,
    body: StoredBody,
    write: (row: BodyRow) => Promise<unknown>,
  ): Promise<void> {
    const preparing = this.files.prepare(body);
    const { row, written } = preparing instanceof Promise ? await preparing : preparing;
    // Before the row is sent: its bytes move to the writer.
    if (row.bytes) this.cache.set(table, seq, row.bytes);
    try {
      await write(row);
    } catch (error) {
      this.cache.delete(table, seq);
      if (written !== null) await this.files.remove(written);
      throw error;
    }
  }

  private async body(table: BodyTable, seq: number): Promise<StoredBody | null> {
    const cached = this.cache.get(table, seq);
    if (cached) return { kind: 'bytes', bytes: cached };
    const row = await this.writer.send<'read-body'>({ kind: 'read-body', table, seq });
    if (row === null) return null;
    if (row.file === null) return { kind: 'bytes', bytes: row.bytes ?? new Uint8Array() };
    const path = this.files.pathOf(row.file);
    if (this.missingFiles.has(row.file)) throw storeError(damaged(path, 'the file is missing.'));
    return { kind: 'file', path, size: row.size };
  }

  private async expireNow(now: number): Promise<number> {
    if (now <= this.nextExpiry) return 0;
    const expired: RequestRecord[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const record of this.table.objectValues()) {
      if (record.outcome === null) continue;
      if (record.outcome.expiresAt < now) expired.push(record);
      else next = Math.min(next, record.outcome.expiresAt);
    }
    // Before the first wait: a completion meanwhile may bring an earlier time.
    this.nextExpiry = next;
    try {
      for (let i = 0; i < expired.length; i += EXPIRE_CHUNK) await this.forget(expired.slice(i, i + EXPIRE_CHUNK));
    } catch (error) {
      this.nextExpiry = Number.NEGATIVE_INFINITY;
      throw error;
    }
    return expired.length;
  }

  private async forget(records: RequestRecord[]): Promise<void> {
    await this.writer.send<'expire'>({ kind: 'expire', seqs: records.map((record) => record.seq) });
    for (const { id, seq } of records) {
      this.table.delete(id);
      this.requestLogs.forget(seq);
      this.stories.forget(seq);
      this.due.forget(seq);
      this.cache.delete('inputs', seq);
      this.cache.delete('results', seq);
    }
  }

  private insert(record: RequestRecord): void {
    this.table.add(record);
    if (record.outcome) this.nextExpiry = Math.min(this.nextExpiry, record.outcome.expiresAt);
  }

  private known(id: string): RequestRecord {
    const record = this.table.get(id);
    if (!record) throw new WindtunnelError('E_STORE', `No request with the id ${id} is stored.`);
    return record;
  }

  /** Remembers an operation until it ends, for `flush`. */
  private track<T>(operation: Promise<T>): Promise<T> {
    this.working.add(operation);
    const ended = () => this.working.delete(operation);
    operation.then(ended, ended);
    return operation;
  }
}
