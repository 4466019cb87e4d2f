import { expect, it } from 'vitest';
import { StartClock } from './start-clock.ts';

const started = () => {
  const start = new StartClock(1000);
  for (const [phase, at] of [
    ['installing', 1000],
    ['booting', 7000],
    ['importing', 7500],
    ['setup', 9500],
    ['ready', 12_500],
  ] as const)
    start.enter(phase, at);
  return start;
};
const seconds = { image: 6, boot: 0.5, import: 2, setup: 3 };

it('splits a start, and tells each request how long it waited for it', () => {
  expect(started().waitedFrom(500)).toEqual({ waited: 11.5, seconds });
  expect(started().waitedFrom(1000)).toEqual({ waited: 11.5, seconds });
  expect(started().waitedFrom(12_000)).toEqual({ waited: 0.5, seconds });
});

it('is nothing to a request that came when the runner served', () => {
  expect(started().waitedFrom(12_500)).toBeNull();
  expect(started().waitedFrom(90_000)).toBeNull();
});
