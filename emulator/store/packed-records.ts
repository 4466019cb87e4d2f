import type { RequestRecord } from '../contract/index.ts';
import { PackedIds, widened } from '../core/packed-ids.ts';
import { SharedParts } from '../core/shared-parts.ts';

/** What many waiting requests have in common: kept once for all of them. */
type Template = Pick<
  RequestRecord,
  'app' | 'path' | 'method' | 'priority' | 'hint' | 'noRetry' | 'retryConfig' | 'webhook' | 'storeIo' | 'headers'
>;

/** `retriesSpent` of every request that was not retried. Replaced, never changed. */
export const NOTHING_SPENT: RequestRecord['retriesSpent'] = Object.freeze({});

/**
 * Requests that wait and that nobody has looked at since, in columns: some 60 bytes each, where an object with its id takes
 * 500. What does not fit the columns (an id that is no UUID, a request that ran) is refused by `add`.
 */
export class PackedRecords {
  private readonly ids = new PackedIds();
  private readonly templates = new SharedParts<Template>();
  private template = new Int16Array();
  private seq = new Float64Array();
  private createdAt = new Float64Array();
  /** NaN for none. */
  private startDeadline = new Float64Array();
  private inputBytes = new Float64Array();

  get size(): number {
    return this.ids.size;
  }

  /** False: it cannot be packed. Its id must not be here yet. */
  add(record: RequestRecord): boolean {
    if (!isUntouched(record) || !PackedIds.fits(record.id)) return false;
    const { app, path, method, priority, hint, noRetry, retryConfig, webhook, storeIo, headers } = record;
    const common = { app, path, method, priority, hint, noRetry, retryConfig, webhook, storeIo, headers };
    const template = this.templates.numberOf(common);
    if (template === null) return false;
    const row = this.ids.add(record.id);
    this.widen();
    this.template[row] = template;
    this.seq[row] = record.seq;
    this.createdAt[row] = record.createdAt;
    this.startDeadline[row] = record.startDeadline ?? Number.NaN;
    this.inputBytes[row] = record.inputBytes;
    return true;
  }

  has(id: string): boolean {
    return this.ids.find(id) !== null;
  }

  /** Takes a request out, as an object of its own. */
  take(id: string): RequestRecord | undefined {
    const row = this.ids.find(id);
    if (row === null) return undefined;
    this.ids.remove(row);
    return this.unpack(row, id);
  }

  /** Copies of all, in no order; they stay packed. */
  *values(): Generator<RequestRecord> {
    for (const row of this.ids.inUse()) yield this.unpack(row, this.ids.idOf(row));
  }

  private unpack(row: number, id: string): RequestRecord {
    const { app, path, method, priority, hint, noRetry, retryConfig, webhook, storeIo, headers } = this.templates.at(
      this.template[row]!,
    );
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

  private widen(): void {
    this.template = widened(this.template, this.ids);
    this.seq = widened(this.seq, this.ids);
    this.createdAt = widened(this.createdAt, this.ids);
    this.startDeadline = widened(this.startDeadline, this.ids);
    this.inputBytes = widened(this.inputBytes, this.ids);
  }
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
