import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BodyCache } from './body-cache.ts';

it('drops what was unused longest, once over its capacity', () => {
  const cache = new BodyCache(3 * 1300);
  for (const seq of [1, 2, 3]) cache.set('inputs', seq, new Uint8Array(1000));
  cache.get('inputs', 1);
  cache.set('results', 1, new Uint8Array(1000));
  expect([1, 2, 3].map((seq) => cache.get('inputs', seq) !== undefined)).toEqual([true, false, true]);
  expect(cache.get('results', 1)).toBeDefined();
});

it('never holds more than its capacity, and counts nothing twice', () => {
  const op = fc.record({ seq: fc.nat(5), size: fc.option(fc.nat(4000)) });
  fc.assert(
    fc.property(fc.array(op), (ops) => {
      const cache = new BodyCache(5000);
      for (const { seq, size } of ops) {
        if (size === null) cache.delete('inputs', seq);
        else cache.set('inputs', seq, new Uint8Array(size));
        expect(cache.size).toBeLessThanOrEqual(5000);
        expect(cache.size).toBeGreaterThanOrEqual(0);
      }
      for (let seq = 0; seq <= 5; seq++) cache.delete('inputs', seq);
      expect(cache.size).toBe(0);
    }),
  );
});
