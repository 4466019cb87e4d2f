import type { Priority } from '../contract/index.ts';
import type { Arrival } from './app-protocol.ts';
import { PackedIds, widened } from './packed-ids.ts';
import type { Members } from './request-queue.ts';
import { SharedParts } from './shared-parts.ts';

type Common = Pick<Arrival, 'priority' | 'hint' | 'noRetry' | 'retryConfig'>;

/** What the table reads of a ticket. */
export interface Tabled {
  readonly id: string;
  readonly priority: Priority;
  readonly attempt: number;
  place: number;
}

/** A waiting ticket: an object, or the row of one that is packed. */
export type Entry<T extends Tabled> = T | number;

const NOTHING_SPENT = Object.freeze({});

/**
 * All tickets of an app by id. Those far from their turn can be packed: some 50 bytes each, where an object with its id takes
 * 270. One that is packed has waited since it came and has no deadline; `take` makes it an object again.
 */
export class TicketTable<T extends Tabled> implements Members<Entry<T>> {
  private readonly objects = new Map<string, T>();
  private readonly ids = new PackedIds();
  private readonly commons = new SharedParts<Common>();
  private common = new Int16Array();
  private place = new Int32Array();
  private arrivedAt = new Float64Array();

  get size(): number {
    return this.objects.size + this.ids.size;
  }

  add(ticket: T): void {
    this.objects.set(ticket.id, ticket);
  }

  /** The row under which the new ticket is kept; null where it does not fit. */
  pack(arrival: Arrival, now: number): number | null {
    const { id, kind, priority, hint, noRetry, retryConfig, startDeadline, attempt, spent } = arrival;
    if (kind !== 'queued' || startDeadline !== null || attempt > 0 || Object.keys(spent).length > 0) return null;
    const common = PackedIds.fits(id) ? this.commons.numberOf({ priority, hint, noRetry, retryConfig }) : null;
    if (common === null) return null;
    const row = this.ids.add(id);
    this.common = widened(this.common, this.ids);
    this.place = widened(this.place, this.ids);
    this.arrivedAt = widened(this.arrivedAt, this.ids);
    this.common[row] = common;
    this.place[row] = -1;
    this.arrivedAt[row] = now;
    return row;
  }

  find(id: string): Entry<T> | undefined {
    return this.objects.get(id) ?? this.ids.find(id) ?? undefined;
  }

  has(id: string): boolean {
    return this.find(id) !== undefined;
  }

  /** The ticket of a row as it arrived and when it did: an object of its caller's from now on. The row is free. */
  take(row: number): { arrival: Arrival; arrivedAt: number; place: number } {
    const id = this.ids.idOf(row);
    const common = this.commons.at(this.common[row]!);
    const rest = { kind: 'queued', startDeadline: null, attempt: 0, spent: NOTHING_SPENT } as const;
    this.ids.remove(row);
    return { arrival: { id, ...common, ...rest }, arrivedAt: this.arrivedAt[row]!, place: this.place[row]! };
  }

  delete(ticket: T): void {
    this.objects.delete(ticket.id);
  }

  placeOf(entry: Entry<T>): number {
    return typeof entry === 'number' ? this.place[entry]! : entry.place;
  }

  setPlace(entry: Entry<T>, place: number): void {
    if (typeof entry === 'number') this.place[entry] = place;
    else entry.place = place;
  }

  priorityOf(entry: Entry<T>): Priority {
    return typeof entry === 'number' ? this.commons.at(this.common[entry]!).priority : entry.priority;
  }

  ranBefore(entry: Entry<T>): boolean {
    return typeof entry !== 'number' && entry.attempt > 0;
  }
}
