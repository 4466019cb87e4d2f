import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BodyCache } from './body-cache.ts';

const CAPACITY = 4000;

it('gives back what was put in last, never something else, and keeps the newest', () => {
  const op = fc.record({ seq: fc.nat(9), result: fc.boolean(), size: fc.option(fc.nat(1200)) });
  fc.assert(
    fc.property(fc.array(op, { maxLength: 60 }), (ops) => {
      const cache = new BodyCache(CAPACITY);
      const newest: { key: string; bytes: Uint8Array }[] = [];
      for (const [n, { seq, result, size }] of ops.entries()) {
        const table = result ? 'results' : 'inputs';
        const key = `${table} ${seq}`;
        const before = newest.findIndex((entry) => entry.key === key);
        if (before >= 0) newest.splice(before, 1);
        if (size === null) {
          cache.delete(table, seq);
          continue;
        }
        const bytes = new Uint8Array(size).fill(n + 1);
        cache.set(table, seq, bytes);
        newest.unshift({ key, bytes });
      }
      // Up to a quarter may be lost at the end of the ring, and a round of it to places that were given up.
      let held = 0;
      for (const { key, bytes } of newest) {
        const [table, seq] = key.split(' ') as ['inputs' | 'results', string];
        const found = cache.get(table, Number(seq));
        if (found) expect(found).toEqual(bytes);
        held += bytes.byteLength + 1;
        if (ops.length === newest.length && bytes.byteLength <= CAPACITY / 4 && held <= CAPACITY / 2)
          expect(found).toBeDefined();
      }
    }),
    { numRuns: 300 },
  );
});

it('refuses nothing but what is too large', () => {
  const cache = new BodyCache(CAPACITY);
  cache.set('inputs', 1, new Uint8Array(CAPACITY / 4));
  cache.set('inputs', 2, new Uint8Array(CAPACITY / 4 + 1));
  cache.set('inputs', 3, new Uint8Array(0));
  expect([1, 2, 3].map((seq) => cache.get('inputs', seq)?.byteLength)).toEqual([CAPACITY / 4, undefined, 0]);
});

it('drops the oldest first', () => {
  const cache = new BodyCache(CAPACITY);
  for (let seq = 1; seq <= 5; seq++) cache.set('inputs', seq, new Uint8Array(1000));
  expect([1, 2, 3, 4, 5].map((seq) => cache.get('inputs', seq) !== undefined)).toEqual([false, true, true, true, true]);
});

it('holds no more tiny bodies than are worth their bookkeeping, the newest of them', () => {
  const cache = new BodyCache(1024 * 1024);
  for (let seq = 0; seq < 9000; seq++) cache.set('inputs', seq, new Uint8Array([seq % 256]));
  expect(cache.get('inputs', 9000 - 8193)).toBeUndefined();
  expect(cache.get('inputs', 9000 - 8192)).toEqual(new Uint8Array([(9000 - 8192) % 256]));
  expect(cache.get('inputs', 8999)).toEqual(new Uint8Array([8999 % 256]));
});
