import { expect, test } from 'vitest';
import { AppTime } from './app-time.ts';
import { FakeClock } from './fake-clock.ts';

test('stands still while frozen, and goes on where it stood', () => {
  const clock = new FakeClock();
  const start = clock.now();
  const time = new AppTime(clock);
  clock.advance(1000);
  time.freeze();
  clock.advance(60_000);
  time.freeze();
  expect(time.now()).toBe(start + 1000);
  expect(time.frozen).toBe(true);
  time.thaw();
  time.thaw();
  clock.advance(500);
  expect(time.now()).toBe(start + 1500);
  time.freeze();
  clock.advance(10_000);
  time.thaw();
  expect(time.now()).toBe(start + 1500);
});
