// Long enough for one thing: columns and the index that finds a row in them.
import type { RequestRecord } from '../contract/index.ts';

/** What many waiting requests have in common: kept once for all of them. */
type Template = Pick<
  RequestRecord,
  'app' | 'path' | 'method' | 'priority' | 'hint' | 'noRetry' | 'retryConfig' | 'webhook' | 'storeIo' | 'headers'
>;

/** `retriesSpent` of every request that was not retried. Replaced, never changed. */
export const NOTHING_SPENT: RequestRecord['retriesSpent'] = Object.freeze({});

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const ID_BYTES = 16;
const SMALLEST = 1024;
/** Requests that differ more than this many ways are not packed: templates would cost what they save. */
const MOST_TEMPLATES = 1000;
const EMPTY = -1;
const REMOVED = -2;

/**
 * Requests that wait and that nobody has looked at since, in columns: some 60 bytes each, where an object with its id takes
 * 500. What does not fit the columns (an id that is no UUID, a request that ran) is refused by `add`.
 */
export class PackedRecords {
  private readonly templates = new Map<string, number>();
  private readonly byTemplate: Template[] = [];
  private capacity = 0;
  private ids: Buffer = Buffer.alloc(0);
  private template = new Int16Array();
  private seq = new Float64Array();
  private createdAt = new Float64Array();
  /** NaN for none. */
  private startDeadline = new Float64Array();
  private inputBytes = new Float64Array();
  /** Rows that were taken, to be used again. */
  private readonly free: number[] = [];
  private rows = 0;
  private live = 0;
  /** Open addressing: the row of an id, EMPTY or REMOVED. A power of two long, at most half full. */
  private index = new Int32Array(SMALLEST).fill(EMPTY);
  private used = 0;

  get size(): number {
    return this.live;
  }

  /** False: it cannot be packed. Its id must not be here yet. */
  add(record: RequestRecord): boolean {
    if (!isUntouched(record) || !UUID.test(record.id)) return false;
    const template = this.templateOf(record);
    if (template === null) return false;
    if ((this.used + 1) * 2 > this.index.length) this.reindex();
    const row = this.free.pop() ?? this.newRow();
    this.ids.write(record.id.replaceAll('-', ''), row * ID_BYTES, 'hex');
    this.template[row] = template;
    this.seq[row] = record.seq;
    this.createdAt[row] = record.createdAt;
    this.startDeadline[row] = record.startDeadline ?? Number.NaN;
    this.inputBytes[row] = record.inputBytes;
    this.place(row);
    this.live++;
    return true;
  }

  has(id: string): boolean {
    return this.find(id) !== null;
  }

  /** Takes a request out, as an object of its own. */
  take(id: string): RequestRecord | undefined {
    const at = this.find(id);
    if (at === null) return undefined;
    const row = this.index[at]!;
    this.index[at] = REMOVED;
    this.free.push(row);
    this.live--;
    return this.unpack(row, id);
  }

  /** Copies of all, in no order; they stay packed. */
  *values(): Generator<RequestRecord> {
    for (const row of this.index) if (row >= 0) yield this.unpack(row, this.idOf(row));
  }

  private unpack(row: number, id: string): RequestRecord {
    const { app, path, method, priority, hint, noRetry, retryConfig, webhook, storeIo, headers } =
      this.byTemplate[this.template[row]!]!;
    const startDeadline = this.startDeadline[row]!;
    return {
      id,
      app,
      path,
      method,
      priority,
      seq: this.seq[row]!,
      createdAt: this.createdAt[row]!,
      startDeadline: Number.isNaN(startDeadline) ? null : startDeadline,
      hint,
      noRetry,
      retryConfig,
      webhook,
      inputBytes: this.inputBytes[row]!,
      storeIo,
      headers,
      state: 'IN_QUEUE',
      attempt: 0,
      gatewayRequestId: id,
      retriesSpent: NOTHING_SPENT,
      cancelRequested: false,
      startedAt: null,
      completedAt: null,
      runnerId: null,
      outcome: null,
    };
  }

  private templateOf(record: RequestRecord): number | null {
    const { app, path, method, priority, hint, noRetry, retryConfig, webhook, storeIo, headers } = record;
    const key = JSON.stringify([app, path, method, priority, hint, noRetry, retryConfig, webhook, storeIo, headers]);
    const known = this.templates.get(key);
    if (known !== undefined) return known;
    if (this.byTemplate.length >= MOST_TEMPLATES) return null;
    this.byTemplate.push({ app, path, method, priority, hint, noRetry, retryConfig, webhook, storeIo, headers });
    this.templates.set(key, this.byTemplate.length - 1);
    return this.byTemplate.length - 1;
  }

  private newRow(): number {
    if (this.rows === this.capacity) this.grow();
    return this.rows++;
  }

  private grow(): void {
    // By half, not by twice: what is not used yet is memory all the same.
    const capacity = Math.max(SMALLEST, Math.floor(this.capacity * 1.5));
    const ids = Buffer.alloc(capacity * ID_BYTES);
    this.ids.copy(ids);
    const template = new Int16Array(capacity);
    template.set(this.template);
    const numbers = (old: Float64Array) => {
      const grown = new Float64Array(capacity);
      grown.set(old);
      return grown;
    };
    this.ids = ids;
    this.template = template;
    this.seq = numbers(this.seq);
    this.createdAt = numbers(this.createdAt);
    this.startDeadline = numbers(this.startDeadline);
    this.inputBytes = numbers(this.inputBytes);
    this.capacity = capacity;
  }

  /** Place in the index of an id that is here. */
  private find(id: string): number | null {
    if (this.live === 0 || !UUID.test(id)) return null;
    const bytes = Buffer.from(id.replaceAll('-', ''), 'hex');
    const mask = this.index.length - 1;
    for (let at = hash(bytes, 0) & mask; ; at = (at + 1) & mask) {
      const row = this.index[at]!;
      if (row === EMPTY) return null;
      if (row >= 0 && this.ids.compare(bytes, 0, ID_BYTES, row * ID_BYTES, (row + 1) * ID_BYTES) === 0) return at;
    }
  }

  private place(row: number): void {
    const mask = this.index.length - 1;
    let at = hash(this.ids, row * ID_BYTES) & mask;
    while (this.index[at] !== EMPTY) at = (at + 1) & mask;
    this.index[at] = row;
    this.used++;
  }

  /** Without the removed ones, and larger where the living need it. */
  private reindex(): void {
    const rows = this.index.filter((row) => row >= 0);
    let length = SMALLEST;
    while (length < (this.live + 1) * 3) length *= 2;
    this.index = new Int32Array(length).fill(EMPTY);
    this.used = 0;
    for (const row of rows) this.place(row);
  }

  private idOf(row: number): string {
    const hex = this.ids.toString('hex', row * ID_BYTES, (row + 1) * ID_BYTES);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }
}

/** Of all 16 bytes: ids that differ in their last digits only must not crowd into one run of the index. */
export function hash(ids: Buffer, offset: number): number {
  let mixed = 0;
  for (let at = offset; at < offset + ID_BYTES; at += 4) {
    mixed = Math.imul(mixed ^ ids.readInt32LE(at), 0x9e3779b1);
    mixed ^= mixed >>> 15;
  }
  // The finalizer of MurmurHash3: every bit of the last word reaches the low bits too.
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

function isUntouched(record: RequestRecord): boolean {
  return (
    record.state === 'IN_QUEUE' &&
    record.attempt === 0 &&
    record.gatewayRequestId === record.id &&
    !record.cancelRequested &&
    record.startedAt === null &&
    record.completedAt === null &&
    record.runnerId === null &&
    record.outcome === null &&
    Object.keys(record.retriesSpent).length === 0
  );
}
