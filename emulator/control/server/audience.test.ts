import { expect, test, vi } from 'vitest';
import { FakeClock } from '../../core/fake-clock.ts';
import { Audience } from './audience.ts';

test('ends a while after the last follower left, and not before', async () => {
  const clock = new FakeClock();
  const left = vi.fn();
  const audience = new Audience(clock, 30, left);
  await clock.advance(29_000);
  const first = new AbortController();
  const second = new AbortController();
  audience.join(first.signal);
  audience.join(second.signal);
  await clock.advance(3_600_000);
  first.abort();
  await clock.advance(60_000);
  expect(left).not.toHaveBeenCalled();
  second.abort();
  await clock.advance(29_999);
  expect(left).not.toHaveBeenCalled();
  await clock.advance(1);
  expect(left).toHaveBeenCalledOnce();
});

test('one that nobody ever joined ends as well', async () => {
  const clock = new FakeClock();
  const left = vi.fn();
  new Audience(clock, 30, left);
  await clock.advance(30_000);
  expect(left).toHaveBeenCalledOnce();
});

test('without a linger it stays for ever', async () => {
  const clock = new FakeClock();
  const left = vi.fn();
  const audience = new Audience(clock, null, left);
  const follower = new AbortController();
  audience.join(follower.signal);
  follower.abort();
  await clock.advance(86_400_000);
  expect(left).not.toHaveBeenCalled();
});
