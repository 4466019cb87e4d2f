import type { BodyTable } from './protocol.ts';

/** What an entry costs beside its bytes: key, map slot, array and buffer objects. Measured on Node 24, rounded up. */
const ENTRY_BYTES = 300;

/** Small bodies that were used last, up to a number of bytes: what is dispatched or polled soon is never read back from disk. */
export class BodyCache {
  private readonly entries = new Map<string, Uint8Array>();
  private readonly capacity: number;
  private held = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  /** Bytes held now. */
  get size(): number {
    return this.held;
  }

  get(table: BodyTable, seq: number): Uint8Array | undefined {
    const key = `${table}${seq}`;
    const bytes = this.entries.get(key);
    if (bytes === undefined) return undefined;
    // Map keeps insertion order: the first key is the one that was unused longest.
    this.entries.delete(key);
    this.entries.set(key, bytes);
    return bytes;
  }

  set(table: BodyTable, seq: number, bytes: Uint8Array): void {
    this.delete(table, seq);
    this.entries.set(`${table}${seq}`, bytes);
    this.held += bytes.byteLength + ENTRY_BYTES;
    for (const [key, oldest] of this.entries) {
      if (this.held <= this.capacity) return;
      this.drop(key, oldest);
    }
  }

  delete(table: BodyTable, seq: number): void {
    const key = `${table}${seq}`;
    const bytes = this.entries.get(key);
    if (bytes !== undefined) this.drop(key, bytes);
  }

  private drop(key: string, bytes: Uint8Array): void {
    this.entries.delete(key);
    this.held -= bytes.byteLength + ENTRY_BYTES;
  }
}
