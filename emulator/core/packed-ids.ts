const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const ID_BYTES = 16;
const SMALLEST = 1024;
const EMPTY = -1;
const REMOVED = -2;

/**
 * UUIDs in bytes, each with a row number for columns beside it: some 30 bytes each, where a string in a Map takes 100. A row
 * is given to another id once its own was removed.
 */
export class PackedIds {
  private ids: Buffer = Buffer.alloc(0);
  private readonly free: number[] = [];
  private rows = 0;
  private live = 0;
  /** Open addressing: the row of an id, EMPTY or REMOVED. A power of two long, at most half full. */
  private index = new Int32Array(SMALLEST).fill(EMPTY);
  private used = 0;

  /** Only lower-case UUIDs can be kept. */
  static fits(id: string): boolean {
    return UUID.test(id);
  }

  get size(): number {
    return this.live;
  }

  /** Rows are below this; see `widened`. */
  get capacity(): number {
    return this.ids.length / ID_BYTES;
  }

  /** The row of a new id: one that fits and is not here yet. */
  add(id: string): number {
    if ((this.used + 1) * 2 > this.index.length) this.reindex();
    const row = this.free.pop() ?? this.newRow();
    this.ids.write(id.replaceAll('-', ''), row * ID_BYTES, 'hex');
    this.place(row);
    this.live++;
    return row;
  }

  find(id: string): number | null {
    if (this.live === 0 || !UUID.test(id)) return null;
    const at = this.indexOf(Buffer.from(id.replaceAll('-', ''), 'hex'), 0);
    return at === null ? null : this.index[at]!;
  }

  remove(row: number): void {
    this.index[this.indexOf(this.ids, row * ID_BYTES)!] = REMOVED;
    this.free.push(row);
    this.live--;
  }

  idOf(row: number): string {
    const hex = this.ids.toString('hex', row * ID_BYTES, (row + 1) * ID_BYTES);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }

  /** All rows that are in use, in no order. */
  *inUse(): Generator<number> {
    for (const row of this.index) if (row >= 0) yield row;
  }

  private newRow(): number {
    if (this.rows === this.capacity) {
      // By half, not by twice: what is not used yet is memory all the same.
      const ids = Buffer.alloc(Math.max(SMALLEST, Math.floor(this.capacity * 1.5)) * ID_BYTES);
      this.ids.copy(ids);
      this.ids = ids;
    }
    return this.rows++;
  }

  /** Place in the index of the id that stands in `bytes` at `offset`. */
  private indexOf(bytes: Buffer, offset: number): number | null {
    const mask = this.index.length - 1;
    for (let at = hash(bytes, offset) & mask; ; at = (at + 1) & mask) {
      const row = this.index[at]!;
      if (row === EMPTY) return null;
      if (row < 0) continue;
      const from = row * ID_BYTES;
      if (this.ids.compare(bytes, offset, offset + ID_BYTES, from, from + ID_BYTES) === 0) return at;
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
}

/** A column with room for every row of `ids`: itself, or a longer copy. */
export function widened<T extends Int16Array | Int32Array | Float64Array>(column: T, ids: PackedIds): T {
  if (column.length >= ids.capacity) return column;
  const wider = new (column.constructor as new (length: number) => T)(ids.capacity);
  wider.set(column);
  return wider;
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
