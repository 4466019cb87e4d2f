import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

// In a process of its own: the flags would hold for the test runner too.
const PROGRAM = `
  import { tightenHeap } from ${JSON.stringify(new URL('./heap-limits.ts', import.meta.url).href)};
  import { getHeapSpaceStatistics } from 'node:v8';
  if (process.argv[1] === 'tight') tightenHeap();
  const held = [];
  for (let i = 0; i < 400_000; i++) held.push({ i, text: 'x' + i });
  const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
  console.log(young.space_size, held.length);
`;

const youngBytes = (how: string): number => {
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', PROGRAM, how], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  return Number(stdout.split(' ')[0]);
};

it('keeps the young generation to a fraction of what it grows to by itself, and says nothing about it', () => {
  expect(youngBytes('tight')).toBeLessThan(youngBytes('loose') / 4);
});
