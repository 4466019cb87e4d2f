/** Where each member of a lane stands, -1 outside: kept by whoever keeps the members. */
export interface Places<T> {
  placeOf(item: T): number;
  setPlace(item: T, place: number): void;
}

const SMALLEST = 64;

/**
 * A first-in-first-out list that also answers "how many stand before this one?". Push, remove and rank take O(log n), so a
 * status poll costs the same with 10 and with 100,000 waiting. A Fenwick tree counts the members by place; removed places
 * stay as holes until the array is full, then one pass closes them (amortized O(1) a push).
 */
export class Lane<T> {
  private readonly places: Places<T>;
  private items: (T | undefined)[] = new Array(SMALLEST).fill(undefined);
  private tree = new Int32Array(SMALLEST + 1);
  private head = 0;
  private end = 0;
  private live = 0;

  constructor(places: Places<T>) {
    this.places = places;
  }

  get size(): number {
    return this.live;
  }

  push(item: T): void {
    if (this.end === this.items.length) this.compact();
    this.places.setPlace(item, this.end);
    this.add(this.end, 1);
    this.items[this.end++] = item;
    this.live++;
  }

  remove(item: T): void {
    const place = this.places.placeOf(item);
    this.items[place] = undefined;
    this.add(place, -1);
    this.places.setPlace(item, -1);
    this.live--;
    if (this.live === 0) {
      this.head = 0;
      this.end = 0;
    }
  }

  peek(): T | undefined {
    while (this.head < this.end && this.items[this.head] === undefined) this.head++;
    return this.head < this.end ? this.items[this.head] : undefined;
  }

  /** `item` stands at the place of a member from now on, and the member is none any more. */
  replace(place: number, item: T): void {
    this.items[place] = item;
    this.places.setPlace(item, place);
  }

  /** Members before this one. */
  rank(item: T): number {
    let count = 0;
    for (let i = this.places.placeOf(item); i > 0; i -= i & -i) count += this.tree[i]!;
    return count;
  }

  private add(place: number, by: number): void {
    for (let i = place + 1; i < this.tree.length; i += i & -i) this.tree[i]! += by;
  }

  /** Closes the holes, with room for as many pushes as there are members before the next time. */
  private compact(): void {
    let capacity = SMALLEST;
    while (capacity < 2 * this.live) capacity *= 2;
    const items: (T | undefined)[] = new Array(capacity).fill(undefined);
    let next = 0;
    for (const item of this.items) {
      if (item === undefined) continue;
      this.places.setPlace(item, next);
      items[next++] = item;
    }
    const tree = new Int32Array(capacity + 1);
    for (let i = 1; i <= capacity; i++) {
      if (i <= next) tree[i]! += 1;
      const parent = i + (i & -i);
      if (parent <= capacity) tree[parent]! += tree[i]!;
    }
    this.items = items;
    this.tree = tree;
    this.head = 0;
    this.end = next;
  }
}
