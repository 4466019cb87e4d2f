import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { FakeClock } from '../core/fake-clock.ts';
import { collectWhenIdle } from './idle-collector.ts';

const MB = 1024 * 1024;

it('collects once after a burst, when the event loop has nothing to do', () => {
  const clock = new FakeClock();
  const heap = { bytes: 20 * MB, work: 0, collected: 0 };
  const collector = collectWhenIdle(clock, {
    size: () => heap.bytes,
    load: () => heap.work,
    collect: () => {
      heap.collected++;
      heap.bytes = 24 * MB;
    },
  });
  clock.advance(10_000);
  expect(heap.collected, 'nothing was left behind').toBe(0);
  Object.assign(heap, { bytes: 60 * MB, work: 0.9 });
  clock.advance(10_000);
  expect(heap.collected, 'not while it works').toBe(0);
  heap.work = 0.1;
  clock.advance(10_000);
  expect(heap.collected).toBe(1);
  heap.bytes = 40 * MB;
  clock.advance(500);
  expect(heap.collected, 'after the next burst again').toBe(2);
  collector.dispose();
  expect(clock.pending).toBe(0);
});

// In a process of its own: the test runner's heap is no heap to measure.
const PROGRAM = `
  import { collectWhenIdle } from ${JSON.stringify(new URL('./idle-collector.ts', import.meta.url).href)};
  import { systemClock } from ${JSON.stringify(new URL('../core/clock.ts', import.meta.url).href)};
  import { getHeapStatistics } from 'node:v8';
  const size = () => getHeapStatistics().total_heap_size;
  const collector = collectWhenIdle(systemClock);
  let held = [];
  for (let i = 0; i < 400_000; i++) held.push({ i, text: 'x' + i });
  held = null;
  const full = size();
  const timer = setInterval(() => {
    if (size() > full / 2) return;
    clearInterval(timer);
    collector.dispose();
    console.log('given back', typeof gc);
  }, 20);
`;

it('gives the memory of a real process back', () => {
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', PROGRAM], {
    encoding: 'utf8',
    timeout: 100_000,
  });
  expect([stdout, stderr]).toEqual(['given back undefined\n', '']);
});
