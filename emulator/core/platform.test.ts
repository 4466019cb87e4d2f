import { describe, expect, it } from 'vitest';
import { AppSettingsSchema } from '../contract/index.ts';
import { effectiveSettings } from './effective-settings.ts';
import { chooseMachine } from './machine-types.ts';
import { hasRoom } from './memory-room.ts';
import { PLATFORM_CONSTANTS, startBackoffSeconds } from './platform-constants.ts';
import { desiredRunners } from './scaling.ts';

const GB = 1_000_000_000;
const host = { memoryBytes: 32 * GB, cpus: 12 };

describe('settings that the author left out', () => {
  it('are the server’s; keep_alive is 60 s for an app and 10 s for a function', () => {
    const unset = AppSettingsSchema.parse({});
    expect(effectiveSettings(unset)).toEqual({
      keepAlive: 60,
      minConcurrency: 0,
      maxConcurrency: 2,
      concurrencyBuffer: 0,
      concurrencyBufferPerc: 0,
      scalingDelay: 0,
      maxMultiplexing: 1,
      requestTimeout: 3600,
      requestStartTimeout: null,
      startupTimeout: 600,
      terminationGracePeriod: 5,
      skipRetryConditions: [],
      retryBudgets: {},
      healthCheck: null,
    });
    expect(effectiveSettings(unset, 'function').keepAlive).toBe(10);
  });

  it('are not touched where they are set, also to nothing', () => {
    const set = AppSettingsSchema.parse({ keepAlive: 0, maxConcurrency: 7, retryConfig: { timeout: { retries: 2 } } });
    expect(effectiveSettings(set)).toMatchObject({ keepAlive: 0, maxConcurrency: 7, retryBudgets: { timeout: 2 } });
  });
});

it('a health check has the defaults of the SDK’s docstring', () => {
  const healthCheck = { path: '/ok' };
  const set = AppSettingsSchema.parse({ healthCheck });
  expect(effectiveSettings(set).healthCheck).toEqual({
    path: '/ok',
    method: 'POST',
    startPeriod: 30,
    timeout: 5,
    failureThreshold: 3,
    callRegularly: true,
    allowOnBusy: false,
  });
});

describe('runners wanted', () => {
  const settings = effectiveSettings(AppSettingsSchema.parse({ maxConcurrency: 10 }));
  it.each([
    ['nothing to do', {}, 0, 0],
    ['one a request', {}, 3, 3],
    ['several requests a runner', { maxMultiplexing: 4 }, 9, 3],
    ['never more than max', {}, 50, 10],
    ['never fewer than min', { minConcurrency: 2 }, 1, 2],
    ['the buffer outranks min', { minConcurrency: 2, concurrencyBuffer: 3 }, 0, 3],
    ['the buffer comes on top of demand', { concurrencyBuffer: 2 }, 3, 5],
    ['the larger of buffer and percentage', { concurrencyBuffer: 1, concurrencyBufferPerc: 50 }, 6, 9],
  ])('%s', (_name, knobs, demand, expected) =>
    expect(desiredRunners({ ...settings, ...knobs }, demand)).toBe(expected),
  );
});

describe('machine types', () => {
  it.each([
    [['XS'], 512_000_000, 0.5],
    [['M'], 2 * GB, 2],
    [['GPU-H100'], 32 * GB, 12],
    [['GPU-H900', 'L'], 15 * GB, 4],
  ])('%j', (names, memoryBytes, cpus) => expect(chooseMachine(names, host).limits).toEqual({ memoryBytes, cpus }));

  it('tells an unknown one, and takes the host’s size for it', () => {
    expect(chooseMachine(['Huge'], host)).toMatchObject({ name: 'Huge', unknown: true, limits: host });
    expect(chooseMachine(['gpu-h100'], host)).toMatchObject({ unknown: false, type: { vramBytes: 80 * GB } });
  });
});

describe('room for one more runner', () => {
  const ask = { freeBytes: 8 * GB, totalBytes: 16 * GB, limitBytes: 15 * GB, seenBytes: null };
  it('goes by the machine type until a runner was seen, then by what it took', () => {
    expect(hasRoom(ask)).toBe(false);
    expect(hasRoom({ ...ask, limitBytes: GB })).toBe(true);
    expect(hasRoom({ ...ask, seenBytes: 2 * GB })).toBe(true);
    expect(hasRoom({ ...ask, seenBytes: 6 * GB })).toBe(false);
  });
});

it('a start that fails again and again waits 30 s more each time, 10 min at most', () => {
  expect([1, 2, 19, 20, 21, 500].map((n) => startBackoffSeconds(n, PLATFORM_CONSTANTS))).toEqual([
    30, 60, 570, 600, 600, 600,
  ]);
});
