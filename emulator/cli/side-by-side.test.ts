import { expect, it } from 'vitest';
import { alignLines, columns } from './side-by-side.ts';

const shown = (left: string, right: string) =>
  columns(alignLines([...left], [...right]), 43).map((line) => line.replaceAll(/ {2,}/g, ' '));

it('puts equal lines beside each other, and marks what differs', () => {
  expect(shown('abc', 'abc')).toEqual(['a a', 'b b', 'c c']);
  expect(shown('abc', 'axc')).toEqual(['a a', 'b | x', 'c c']);
  expect(shown('ac', 'abc')).toEqual(['a a', ' > b', 'c c']);
  expect(shown('abc', 'ac')).toEqual(['a a', 'b <', 'c c']);
  expect(shown('', 'a')).toEqual([' > a']);
});

it('loses no line of either side, however long they are', () => {
  for (const [a, b] of [
    ['abcdefg', 'gfedcba'],
    ['aaaa', 'bbb'],
    ['x'.repeat(2001), 'y'.repeat(3)],
  ] as const) {
    const pairs = alignLines([...a], [...b]);
    expect(pairs.flatMap(({ left }) => left ?? []).join('')).toBe(a);
    expect(pairs.flatMap(({ right }) => right ?? []).join('')).toBe(b);
  }
});

it('cuts what is wider than its column', () => {
  const [line = ''] = columns([{ left: 'x'.repeat(50), right: 'y' }], 43);
  expect(line).toBe(`${'x'.repeat(19)}… | y`);
});
