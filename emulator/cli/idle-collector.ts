import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Clock } from '../core/clock.ts';
import type { Disposable } from '../core/disposable.ts';

const EVERY_MS = 500;
/** Share of the last half second in which the event loop worked. Above it a pause would be felt by somebody. */
const BUSY = 0.25;
/** Heap that a burst left behind, bytes; less is not worth a pause of some 40 ms. */
const WORTHWHILE = 8 * 1024 * 1024;

/** What the collector looks at, and what it does. */
export interface Heap {
  /** Bytes that the heap takes from the system. */
  size(): number;
  /** Share of the time since the last call in which the event loop worked, 0 to 1. */
  load(): number;
  collect(): void;
}

/**
 * Gives memory back after a burst. V8 collects when memory is asked for, so that what 100,000 submits left behind (20 MB)
 * would stay resident for as long as nothing else comes.
 */
export function collectWhenIdle(clock: Clock, heap: Heap = processHeap()): Disposable {
  let settled = heap.size();
  const timer = clock.setInterval(() => {
    if (heap.load() > BUSY || heap.size() - settled < WORTHWHILE) return;
    heap.collect();
    settled = heap.size();
  }, EVERY_MS);
  return { dispose: () => timer.cancel() };
}

function processHeap(): Heap {
  // A new context has the function, by the flag; Node itself offers it to whoever started the process only.
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as (options: object) => void;
  setFlagsFromString('--no-expose-gc');
  let before = performance.eventLoopUtilization();
  return {
    size: () => getHeapStatistics().total_heap_size,
    load: () => {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, before);
      before = now;
      return utilization;
    },
    // `last-resort` gives free pages back, where a usual collection keeps them for what comes.
    collect: () => gc({ type: 'major', execution: 'sync', flavor: 'last-resort' }),
  };
}
