import type { Priority } from '../contract/index.ts';
import { Lane, type Places } from './lane.ts';

/** What the queue asks about its members. */
export interface Members<T> extends Places<T> {
  priorityOf(item: T): Priority;
  /** It ran before and goes ahead of those of its priority that did not. Must not change while it is in the queue. */
  ranBefore(item: T): boolean;
}

/**
 * fal's two-level queue of one app: all `normal` before all `low`, first in first out within each (fal docs,
 * model-apis/inference/queue). What comes back for another attempt goes ahead within its priority: it was first already.
 */
export class RequestQueue<T> {
  private readonly members: Members<T>;
  private readonly lanes: Lane<T>[];

  constructor(members: Members<T>) {
    this.members = members;
    this.lanes = [0, 1, 2, 3].map(() => new Lane(members));
  }

  get size(): number {
    let size = 0;
    for (const lane of this.lanes) size += lane.size;
    return size;
  }

  has(item: T): boolean {
    return this.members.placeOf(item) >= 0;
  }

  push(item: T): void {
    this.laneOf(item).push(item);
  }

  remove(item: T): void {
    if (this.has(item)) this.laneOf(item).remove(item);
  }

  /** Puts `item` where a member of the same priority stood. */
  replace(place: number, item: T): void {
    this.laneOf(item).replace(place, item);
  }

  peek(): T | undefined {
    for (const lane of this.lanes) if (lane.size > 0) return lane.peek();
    return undefined;
  }

  /** How many will be served before this one; 0 for one that is not queued. */
  position(item: T): number {
    if (!this.has(item)) return 0;
    const own = this.laneOf(item);
    let before = 0;
    for (const lane of this.lanes) {
      if (lane === own) break;
      before += lane.size;
    }
    return before + own.rank(item);
  }

  private laneOf(item: T): Lane<T> {
    const { members } = this;
    return this.lanes[(members.priorityOf(item) === 'normal' ? 0 : 2) + (members.ranBefore(item) ? 0 : 1)]!;
  }
}
