/**
 * How fal's platform behaves where no setting of the app says otherwise. Seconds unless named. Where fal's docs are silent
 * or contradict themselves the comment says so; all of it can be overridden (tests, configuration).
 */
export interface PlatformConstants {
  /** A runner that never served and is not needed by min_concurrency or the buffer. Docs: deployment/scale-your-application. */
  unusedRunnerSeconds: number;
  /** Start-up failures: this much more for each in a row … Docs: deployment/runners (+30 s each, cap 10 min). */
  startBackoffStepSeconds: number;
  startBackoffMaxSeconds: number;
  /** Attempts of one request in all. Docs: serverless/reliability/retries. */
  maxAttempts: number;
  /** Wait before a retry, doubled each time up to the maximum. fal waits too but publishes no figures; ours are short. */
  retryDelaySeconds: number;
  retryDelayMaxSeconds: number;
  /** Between two regular health checks. Source: docstring of the SDK's `HealthCheck` (every 15 s). */
  healthCheckSeconds: number;
  /** Ours: between two checks of a runner that is starting and was not healthy yet. */
  startHealthCheckSeconds: number;
  /** Ours: how long to wait before looking again for memory for one more runner. */
  roomRetrySeconds: number;
  /** Ours: a request behind this many others is kept packed until its turn comes near or somebody asks for it. */
  packFrom: number;
}

export const PLATFORM_CONSTANTS: PlatformConstants = {
  unusedRunnerSeconds: 10,
  startBackoffStepSeconds: 30,
  startBackoffMaxSeconds: 600,
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
