import { afterAll, beforeAll, expect, test } from 'vitest';
import { EmulatorUnderTest } from '../../support/emulator.ts';
import { ITEMS } from '../items.ts';
import { GAPS } from './gaps.ts';

/** The last number of the matrix. */
const LAST_ITEM = 73;

let emulator: EmulatorUnderTest;
beforeAll(async () => {
  emulator = await EmulatorUnderTest.start([]);
}, 120_000);
afterAll(() => emulator?.dispose(), 120_000);

test.each(GAPS)('not emulated: $what answers $error', async ({ call: { method, path }, status, error }) => {
  const body = method === 'POST' ? '{}' : null;
  const answer = await fetch(`${emulator.url}${path}`, { method, body });
  expect([answer.status, answer.headers.get('x-windtunnel-error')]).toEqual([status, error]);
  expect(await answer.json()).toMatchObject({ detail: expect.any(String), hint: expect.any(String) });
});

test('each item of the matrix stands in one list or another', () => {
  const known = new Set([...ITEMS.map(({ number }) => number), ...GAPS.flatMap(({ items }) => numbers(items))]);
  expect(Array.from({ length: LAST_ITEM }, (_, i) => i + 1).filter((item) => !known.has(item))).toEqual([]);
});

function numbers(range: string): number[] {
  if (range === '') return [];
  const [from = 0, to = from] = range.split('-').map(Number);
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
}
