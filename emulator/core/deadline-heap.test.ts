import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Deadline, DeadlineHeap } from './deadline-heap.ts';

it('gives deadlines back by their time, without those that were taken back', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(50), fc.boolean()), { maxLength: 200 }), (ops) => {
      const heap = new DeadlineHeap<number>();
      const kept: Deadline<number>[] = [];
      ops.forEach(([at, remove], i) => {
        kept.push(heap.add(at, i));
        if (!remove) return;
        const [gone] = kept.splice((at * 7) % kept.length, 1);
        heap.remove(gone!);
        heap.remove(gone!);
      });
      const times: number[] = [];
      for (let next = heap.peek(); next; next = heap.peek()) {
        times.push(next.at);
        heap.remove(next);
      }
      expect(times).toEqual(kept.map((d) => d.at).sort((a, b) => a - b));
    }),
    { numRuns: 300 },
  );
});
