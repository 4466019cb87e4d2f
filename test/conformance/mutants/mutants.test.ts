import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ITEMS } from '../items.ts';
import { MUTANTS } from './mutants.ts';

const root = path.resolve(import.meta.dirname, '../../..');

// `npm run mutants` takes minutes; that its list still fits the source is seen here at once.
test('what each mutant replaces stands in the source once', () => {
  const stale = MUTANTS.flatMap(({ item, what, edits }) =>
    edits.map(({ file, find }) => {
      const times = readFileSync(path.join(root, file), 'utf8').split(find).length - 1;
      return times === 1 ? [] : [`#${item} ${what}: ${file} holds ${times} times: ${find}`];
    }),
  ).flat();
  expect(stale).toEqual([]);
});

test('each item has a mutant for each of its clients', () => {
  const pairs = ITEMS.flatMap(({ number, clients }) => clients.map((client) => ({ number, client })));
  const without = pairs.filter(
    ({ number, client }) => !MUTANTS.some((mutant) => mutant.item === number && mutant.clients.includes(client)),
  );
  expect(without).toEqual([]);
});
