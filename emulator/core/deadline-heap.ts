/** One entry of a DeadlineHeap. `slot` belongs to the heap. */
export interface Deadline<T> {
  readonly at: number;
  readonly value: T;
  slot: number;
}

/** A binary heap of deadlines that can be taken back: add and remove O(log n), the earliest O(1). */
export class DeadlineHeap<T> {
  private readonly heap: Deadline<T>[] = [];

  get size(): number {
    return this.heap.length;
  }

  add(at: number, value: T): Deadline<T> {
    const entry = { at, value, slot: this.heap.length };
    this.heap.push(entry);
    this.up(entry);
    return entry;
  }

  /** Idempotent. */
  remove(entry: Deadline<T>): void {
    const slot = entry.slot;
    if (slot < 0) return;
    entry.slot = -1;
    const last = this.heap.pop()!;
    if (last === entry) return;
    this.put(last, slot);
    this.up(last);
    this.down(last);
  }

  peek(): Deadline<T> | undefined {
    return this.heap[0];
  }

  private put(entry: Deadline<T>, slot: number): void {
    this.heap[slot] = entry;
    entry.slot = slot;
  }

  private up(entry: Deadline<T>): void {
    while (entry.slot > 0) {
      const parent = this.heap[(entry.slot - 1) >> 1]!;
      if (parent.at <= entry.at) return;
      const slot = parent.slot;
      this.put(parent, entry.slot);
      this.put(entry, slot);
    }
  }

  private down(entry: Deadline<T>): void {
    for (;;) {
      const left = this.heap[2 * entry.slot + 1];
      const right = this.heap[2 * entry.slot + 2];
      const child = right && left && right.at < left.at ? right : left;
      if (!child || child.at >= entry.at) return;
      const slot = child.slot;
      this.put(child, entry.slot);
      this.put(entry, slot);
    }
  }
}
