import type { Priority } from '../contract/index.ts';
import { Lane, type Placed } from './lane.ts';

export interface Queueable extends Placed {
  readonly priority: Priority;
  /** It ran before and goes ahead of those of its priority that did not. */
  attempt: number;
  lane: Lane<Queueable> | null;
}

/**
 * fal's two-level queue of one app: all `normal` before all `low`, first in first out within each (fal docs,
 * model-apis/inference/queue). What comes back for another attempt goes ahead within its priority: it was first already.
 */
export class RequestQueue<T extends Queueable> {
  private readonly lanes = [new Lane<Queueable>(), new Lane<Queueable>(), new Lane<Queueable>(), new Lane<Queueable>()];

  get size(): number {
    let size = 0;
    for (const lane of this.lanes) size += lane.size;
    return size;
  }

  push(item: T): void {
    const lane = this.lanes[(item.priority === 'normal' ? 0 : 2) + (item.attempt > 0 ? 0 : 1)]!;
    lane.push(item);
    item.lane = lane;
  }

  remove(item: T): void {
    item.lane?.remove(item);
    item.lane = null;
  }

  peek(): T | undefined {
    for (const lane of this.lanes) if (lane.size > 0) return lane.peek() as T | undefined;
    return undefined;
  }

  /** How many will be served before this one; 0 for one that is not queued. */
  position(item: T): number {
    let before = 0;
    for (const lane of this.lanes) {
      if (lane === item.lane) return before + lane.rank(item);
      before += lane.size;
    }
    return 0;
  }
}
