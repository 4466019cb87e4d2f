import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Priority } from '../contract/index.ts';
import { type Members, RequestQueue } from './request-queue.ts';

interface Item {
  name: number;
  priority: Priority;
  attempt: number;
  place: number;
}
const item = (name: number, priority: Priority, attempt = 0): Item => ({ name, priority, attempt, place: -1 });
const members: Members<Item> = {
  placeOf: ({ place }) => place,
  setPlace: (one, place) => {
    one.place = place;
  },
  priorityOf: ({ priority }) => priority,
  ranBefore: ({ attempt }) => attempt > 0,
};

describe('the queue of an app', () => {
  it('agrees with a naive list on order and positions, however items come and go', () => {
    const op = fc.tuple(fc.nat(3), fc.nat(10_000));
    fc.assert(
      fc.property(fc.array(op, { maxLength: 400 }), (ops) => {
        const queue = new RequestQueue(members);
        const naive: Item[] = [];
        const ordered = () => [
          ...naive.filter((i) => i.priority === 'normal' && i.attempt > 0),
          ...naive.filter((i) => i.priority === 'normal' && i.attempt === 0),
          ...naive.filter((i) => i.priority === 'low' && i.attempt > 0),
          ...naive.filter((i) => i.priority === 'low' && i.attempt === 0),
        ];
        ops.forEach(([kind, choice], name) => {
          if (kind < 3) {
            const next = item(name, choice % 3 === 0 ? 'low' : 'normal', choice % 7 === 0 ? 1 : 0);
            queue.push(next);
            naive.push(next);
          } else if (naive.length > 0) {
            const gone = choice % 2 === 0 ? ordered()[0]! : naive[choice % naive.length]!;
            if (choice % 2 === 0) expect(queue.peek()).toBe(gone);
            if (choice % 3 === 0) {
              const stand = { ...gone };
              queue.replace(gone.place, stand);
              naive[naive.indexOf(gone)] = stand;
              return;
            }
            queue.remove(gone);
            expect([queue.has(gone), queue.position(gone)]).toEqual([false, 0]);
            naive.splice(naive.indexOf(gone), 1);
          }
        });
        expect(queue.size).toBe(naive.length);
        expect(ordered().map((next) => queue.position(next))).toEqual(naive.map((_, position) => position));
      }),
      { numRuns: 300 },
    );
  });

  it('keeps no room for what is gone', () => {
    const queue = new RequestQueue(members);
    const last: Item[] = [];
    for (let i = 0; i < 200_000; i++) {
      const next = item(i, 'normal');
      queue.push(next);
      last.push(next);
      if (last.length > 10) queue.remove(last.shift()!);
    }
    expect(queue.size).toBe(10);
    expect(Math.max(...last.map((i) => i.place))).toBeLessThan(1000);
    expect(last.map((i) => queue.position(i))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});
