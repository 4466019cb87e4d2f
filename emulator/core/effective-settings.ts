import type { AppSettings, RetryCondition } from '../contract/index.ts';
import { parseRetryBudgets, type RetryBudgets } from './retry-policy.ts';

/** What an app's settings amount to once the platform's defaults are filled in. Seconds, counts. */
export interface EffectiveSettings {
  keepAlive: number;
  minConcurrency: number;
  maxConcurrency: number;
  concurrencyBuffer: number;
  concurrencyBufferPerc: number;
  scalingDelay: number;
  maxMultiplexing: number;
  requestTimeout: number;
  /** Null: a request may wait for ever. */
  requestStartTimeout: number | null;
  startupTimeout: number;
  terminationGracePeriod: number;
  skipRetryConditions: readonly RetryCondition[];
  retryBudgets: RetryBudgets;
}

/** `SERVER_DEFAULT_SCALE_VALUES` of the fal SDK 1.83 (sdk.py); grace from the docs (app-lifecycle: 5 s). */
export const SERVER_DEFAULTS = {
  maxConcurrency: 2,
  minConcurrency: 0,
  concurrencyBuffer: 0,
  concurrencyBufferPerc: 0,
  scalingDelay: 0,
  maxMultiplexing: 1,
  requestTimeout: 3600,
  startupTimeout: 600,
  terminationGracePeriod: 5,
} as const;

/** `fal.App` sends 60 (host_kwargs), `fal.function` leaves the server's 10. */
export const KEEP_ALIVE_DEFAULT = { app: 60, function: 10 } as const;

export function effectiveSettings(settings: AppSettings, kind: 'app' | 'function' = 'app'): EffectiveSettings {
  const d = SERVER_DEFAULTS;
  return {
    keepAlive: settings.keepAlive ?? KEEP_ALIVE_DEFAULT[kind],
    minConcurrency: settings.minConcurrency ?? d.minConcurrency,
    maxConcurrency: settings.maxConcurrency ?? d.maxConcurrency,
    concurrencyBuffer: settings.concurrencyBuffer ?? d.concurrencyBuffer,
    concurrencyBufferPerc: settings.concurrencyBufferPerc ?? d.concurrencyBufferPerc,
    scalingDelay: settings.scalingDelay ?? d.scalingDelay,
    maxMultiplexing: Math.max(1, settings.maxMultiplexing ?? d.maxMultiplexing),
    requestTimeout: settings.requestTimeout ?? d.requestTimeout,
    requestStartTimeout: settings.requestStartTimeout,
    startupTimeout: settings.startupTimeout ?? d.startupTimeout,
    terminationGracePeriod: settings.terminationGracePeriodSeconds ?? d.terminationGracePeriod,
    skipRetryConditions: settings.skipRetryConditions,
    retryBudgets: parseRetryBudgets(settings.retryConfig) ?? {},
  };
}
