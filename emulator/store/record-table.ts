import type { RequestRecord } from '../contract/index.ts';
import { PackedRecords } from './packed-records.ts';

/** New requests that stay objects: most are asked for soon after their submit. */
const FRESH = 1000;

/**
 * All requests by id. One that `get` has handed out once stays the same object for good, for others may hold and change it;
 * of the rest, all but the newest are packed. So a long queue is small until somebody looks at it.
 */
export class RecordTable {
  private readonly objects = new Map<string, RequestRecord>();
  /** Objects that nobody was given yet, oldest first. */
  private readonly fresh = new Set<string>();
  private readonly packed = new PackedRecords();

  has(id: string): boolean {
    return this.objects.has(id) || this.packed.has(id);
  }

  /** The caller of `add` gives the object up: it asks for it by `get` to work on it. */
  add(record: RequestRecord): void {
    this.objects.set(record.id, record);
    this.fresh.add(record.id);
    if (this.fresh.size > FRESH) this.packOldest();
  }

  get(id: string): RequestRecord | undefined {
    const known = this.objects.get(id);
    if (known) {
      this.fresh.delete(id);
      return known;
    }
    const record = this.packed.take(id);
    if (record) this.objects.set(id, record);
    return record;
  }

  delete(id: string): void {
    this.fresh.delete(id);
    if (!this.objects.delete(id)) this.packed.take(id);
  }

  /** Those that may have an outcome: none that is packed does. */
  objectValues(): IterableIterator<RequestRecord> {
    return this.objects.values();
  }

  /** All in submit order. Copies stand for those that are packed. */
  inOrder(): RequestRecord[] {
    return [...this.objects.values(), ...this.packed.values()].sort((a, b) => a.seq - b.seq);
  }

  private packOldest(): void {
    for (const id of this.fresh) {
      this.fresh.delete(id);
      if (this.packed.add(this.objects.get(id)!)) this.objects.delete(id);
      return;
    }
  }
}
