import type { BodyTable } from './protocol.ts';

interface Slot {
  at: number;
  size: number;
}

/** Bodies held at most: of tiny ones the bookkeeping would be larger than the bytes. */
const MOST_BODIES = 8192;

/**
 * The small bodies that came last, so that what is dispatched or polled soon is not read back from disk. One ring of bytes in
 * which the newest overwrite the oldest: 100,000 submits leave no garbage here and never hold more than the capacity.
 */
export class BodyCache {
  private readonly slots = new Map<number, Slot>();
  private readonly ring: Uint8Array;
  private head = 0;
  /** The walk over the slots stays where it is: a new one would step over all that were deleted at their front. */
  private walk = this.slots.entries();
  private first: [key: number, slot: Slot] | null = null;

  /** `capacity` in bytes; memory is taken as it is filled. */
  constructor(capacity: number) {
    this.ring = new Uint8Array(capacity);
  }

  /** A copy, or undefined when it is not held. */
  get(table: BodyTable, seq: number): Uint8Array | undefined {
    const slot = this.slots.get(keyOf(table, seq));
    return slot && this.ring.slice(slot.at, slot.at + slot.size);
  }

  /** Copies `bytes`, unless they are more than a quarter of the capacity. */
  set(table: BodyTable, seq: number, bytes: Uint8Array): void {
    const key = keyOf(table, seq);
    this.slots.delete(key);
    const size = bytes.byteLength;
    if (size > this.ring.byteLength / 4 || this.ring.byteLength === 0) return;
    // An empty body takes a place too: two at one place would have no order.
    const room = Math.max(size, 1);
    if (this.head + room > this.ring.byteLength) {
      // What stands between here and the end is of the last round, and the oldest.
      this.dropWhile((slot) => slot.at >= this.head);
      this.head = 0;
    }
    const end = this.head + room;
    this.dropWhile((slot) => slot.at >= this.head && slot.at < end);
    if (this.slots.size >= MOST_BODIES) this.dropOldest();
    this.ring.set(bytes, this.head);
    this.slots.set(key, { at: this.head, size });
    this.head = end;
  }

  delete(table: BodyTable, seq: number): void {
    this.slots.delete(keyOf(table, seq));
  }

  /** The slot that came first of those that are held: they lie in the ring in the order of the map. */
  private oldest(): [key: number, slot: Slot] | null {
    while (this.first === null || this.slots.get(this.first[0]) !== this.first[1]) {
      if (this.slots.size === 0) return null;
      const { value } = this.walk.next();
      // At its end it stays there, whatever comes after it.
      if (value === undefined) this.walk = this.slots.entries();
      else this.first = value;
    }
    return this.first;
  }

  private dropOldest(): void {
    const oldest = this.oldest();
    if (oldest) this.slots.delete(oldest[0]);
  }

  /** The oldest are the next to be overwritten. */
  private dropWhile(doomed: (slot: Slot) => boolean): void {
    for (let oldest = this.oldest(); oldest !== null && doomed(oldest[1]); oldest = this.oldest()) {
      this.slots.delete(oldest[0]);
    }
  }
}

const keyOf = (table: BodyTable, seq: number): number => seq * 2 + (table === 'results' ? 1 : 0);
