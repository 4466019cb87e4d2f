import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseRange } from './range.ts';

test.each([
  ['bytes=0-0', 10, { start: 0, end: 0 }],
  ['bytes=2-', 10, { start: 2, end: 9 }],
  ['bytes=-3', 10, { start: 7, end: 9 }],
  ['bytes=-30', 10, { start: 0, end: 9 }],
  ['bytes=5-99', 10, { start: 5, end: 9 }],
  ['bytes= 1 - 2', 10, { start: 1, end: 2 }],
  ['bytes=10-', 10, 'unsatisfiable'],
  ['bytes=-0', 10, 'unsatisfiable'],
  ['bytes=0-', 0, 'unsatisfiable'],
  ['bytes=-5', 0, 'unsatisfiable'],
  ['bytes=3-2', 10, 'whole'],
  ['bytes=-', 10, 'whole'],
  ['bytes=0-1,4-5', 10, 'whole'],
  ['items=0-1', 10, 'whole'],
  [undefined, 10, 'whole'],
])('%s of %i', (header, size, wanted) => {
  expect(parseRange(header, size)).toEqual(wanted);
});

test('a range that is given lies within the file, and is exactly the bytes that were asked for', () => {
  const position = fc.option(fc.nat({ max: 60 }));
  fc.assert(
    fc.property(position, position, fc.nat({ max: 50 }), (from, to, size) => {
      const range = parseRange(`bytes=${from ?? ''}-${to ?? ''}`, size);
      const bytes = Array.from({ length: size }, (_, i) => i);
      const asked =
        from === null
          ? to === null
            ? null
            : bytes.slice(Math.max(0, size - to))
          : bytes.slice(from, (to ?? size) + 1);
      if (range === 'whole') expect(asked === null || (to !== null && from !== null && to < from)).toBe(true);
      else if (range === 'unsatisfiable') expect(asked).toEqual([]);
      else expect(bytes.slice(range.start, range.end + 1)).toEqual(asked);
    }),
  );
});
