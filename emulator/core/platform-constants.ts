import type { PlatformSettings } from '../contract/index.ts';

/** What `PlatformSchema` describes, with sources, filled in. Seconds unless named. */
export type PlatformConstants = { readonly [K in keyof PlatformSettings]-?: number } & {
  /** Ours, and no setting: a request behind this many others is kept packed until its turn comes near or somebody asks for it. */
  readonly packFrom: number;
};

export const PLATFORM_CONSTANTS: PlatformConstants = {
  unusedRunnerSeconds: 10,
  startBackoffStepSeconds: 30,
  startBackoffMaxSeconds: 600,
  schedulingRetrySeconds: 20,
  terminationGraceMaxSeconds: 3600,
  maxAttempts: 10,
  retryDelaySeconds: 0.1,
  retryDelayMaxSeconds: 2,
  healthCheckSeconds: 15,
  startHealthCheckSeconds: 1,
  roomRetrySeconds: 5,
  packFrom: 1000,
};

/** Wait after the n-th start-up failure in a row (n from 1), in seconds. */
export function startBackoffSeconds(failures: number, constants: PlatformConstants): number {
  return Math.min(failures * constants.startBackoffStepSeconds, constants.startBackoffMaxSeconds);
}

/** Wait before attempt n+1 (n ≥ 1 attempts were made), in seconds. */
export function retryDelaySeconds(attempts: number, constants: PlatformConstants): number {
  return Math.min(constants.retryDelaySeconds * 2 ** (attempts - 1), constants.retryDelayMaxSeconds);
}

/** The defaults, with what a configuration says in their place. */
export function platformConstants(settings: PlatformSettings): PlatformConstants {
  const given = Object.entries(settings).filter(([, value]) => value !== undefined);
  return { ...PLATFORM_CONSTANTS, ...Object.fromEntries(given) };
}
