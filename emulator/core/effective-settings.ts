import type { AppSettings, HealthCheck, RetryCondition } from '../contract/index.ts';
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
  /** Null: a runner is healthy while its port accepts connections. */
  healthCheck: EffectiveHealthCheck | null;
}

/** Seconds, counts. */
export interface EffectiveHealthCheck {
  path: string;
  method: 'GET' | 'POST';
  /** A runner that is not healthy this long after its start has failed, or after startup_timeout if that is longer. */
  startPeriod: number;
  timeout: number;
  /** Checks in a row that fail before the runner is stopped. */
  failureThreshold: number;
  /** Also when no answer of the app asked for it. */
  callRegularly: boolean;
  /** Also while the runner works on a request. */
  allowOnBusy: boolean;
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

/** Docstring of the SDK's `HealthCheck`. `allow_on_busy` is documented nowhere; a busy runner is left alone. */
export const HEALTH_CHECK_DEFAULTS = {
  startPeriod: 30,
  timeout: 5,
  failureThreshold: 3,
  callRegularly: true,
  allowOnBusy: false,
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
    healthCheck: settings.healthCheck && effectiveHealthCheck(settings.healthCheck),
  };
}

function effectiveHealthCheck(check: HealthCheck): EffectiveHealthCheck {
  const d = HEALTH_CHECK_DEFAULTS;
  return {
    path: check.path,
    method: check.method,
    startPeriod: check.startPeriodSeconds ?? d.startPeriod,
    timeout: check.timeoutSeconds ?? d.timeout,
    failureThreshold: Math.max(1, check.failureThreshold ?? d.failureThreshold),
    callRegularly: check.callRegularly ?? d.callRegularly,
    allowOnBusy: check.allowOnBusy ?? d.allowOnBusy,
  };
}
