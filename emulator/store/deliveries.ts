import type { RequestRecord } from '../contract/index.ts';
import type { DeliveryRow } from './protocol.ts';

/** A webhook that is still to be delivered. */
export interface Delivery {
  request: string;
  /** Calls so far. */
  tries: number;
  /** When the next one is due; ms since the epoch. */
  nextAt: number;
}

/** The webhooks that are still to be delivered, as the disk has them. */
export class Deliveries {
  private readonly bySeq = new Map<number, Delivery>();

  restore(rows: readonly DeliveryRow[], records: Iterable<RequestRecord>): void {
    const due = new Map(rows.map((row) => [row.seq, row]));
    if (due.size === 0) return;
    for (const { id, seq } of records) {
      const row = due.get(seq);
      if (row) this.bySeq.set(seq, { request: id, tries: row.tries, nextAt: row.nextAt });
    }
  }

  set(record: RequestRecord, tries: number, nextAt: number | null): void {
    if (nextAt === null) this.bySeq.delete(record.seq);
    else this.bySeq.set(record.seq, { request: record.id, tries, nextAt });
  }

  forget(seq: number): void {
    this.bySeq.delete(seq);
  }

  list(): Delivery[] {
    return [...this.bySeq.values()];
  }
}
