import type { ErrorType, Priority, RunnerState, SerializedError, StartPhase } from '../contract/index.ts';
import type { EffectiveHealthCheck, EffectiveSettings } from './effective-settings.ts';
import type { AttemptEnd, RetryBudgets } from './retry-policy.ts';

/** A state of the app's code as the core knows it. */
export interface Revision {
  id: string;
  settings: EffectiveSettings;
  /** Its server binds a port of its own, so that only one runner can exist at a time. */
  exclusive: boolean;
  /** That port: a runner is up once something listens there. Null: the harness tells when it is up. */
  port: number | null;
  /** Its environment is an image, which is pulled or built before a runner can start. */
  image: boolean;
}

/** A request that enters the queue: a stored one, or a direct call that waits for a slot. */
export interface Arrival {
  id: string;
  kind: 'queued' | 'direct';
  priority: Priority;
  hint: string | null;
  noRetry: boolean;
  /** X-Fal-Retry-Config as sent. */
  retryConfig: string | null;
  /** ms since the epoch. */
  startDeadline: number | null;
  /** Attempts made before (a restart of the emulator, else 0). */
  attempt: number;
  spent: Readonly<RetryBudgets>;
}

/**
 * How a new revision takes over. reload: at once where nothing serves, else once it serves itself. prove: once it serves, always.
 * recreate: at once, always.
 */
export type RolloutStrategy = 'reload' | 'prove' | 'recreate';

/** What happened to an app, its requests or its runners. */
export type AppEvent =
  /** Registered, or replaced by a new revision. */
  | { type: 'configure'; revision: Revision; strategy?: RolloutStrategy }
  /** The same code with other settings: no runner is touched for it. */
  | { type: 'rescaled'; settings: EffectiveSettings }
  /** Someone wants a runner now; a start that backs off is tried again at once. */
  | { type: 'start' }
  | { type: 'remove' }
  /** The emulator ends: no new work, requests that fail now keep their place for the next start. */
  | { type: 'shutdown' }
  | { type: 'arrive'; request: Arrival }
  | { type: 'cancel'; id: string }
  | {
      type: 'attemptEnded';
      id: string;
      attempt: number;
      end: AttemptEnd;
      hints: string[] | null;
      checkHealth?: boolean;
    }
  /** The environment is there and the engine was told to start: startup_timeout runs from here. */
  | { type: 'runnerLaunched'; runner: string }
  | { type: 'runnerPhase'; runner: string; phase: StartPhase; detail: string }
  | { type: 'runnerReady'; runner: string }
  | { type: 'runnerFailed'; runner: string; error: SerializedError }
  /** No memory for a runner whose start was optional, or no GPU that is free; it does not exist. */
  | { type: 'runnerDenied'; runner: string; lack: 'memory' | 'gpu'; detail: string }
  /** What another runner had may be free now: starts that were denied are tried again at once. */
  | { type: 'roomFreed' }
  /** Another app needs what this runner has: it goes if it is idle and nothing holds it but its keep_alive. */
  | { type: 'yieldRunner'; runner: string; reason: string }
  | { type: 'runnerExited'; runner: string; error: SerializedError | null }
  | { type: 'runnerProbed'; runner: string; alive: boolean }
  /** Answer to `checkHealth`. `detail`: why it is not healthy. */
  | { type: 'runnerHealth'; runner: string; healthy: boolean; detail: string }
  | { type: 'stopRunner'; runner: string; graceSeconds: number | null }
  /** Another one first, and this one goes when that serves. */
  | { type: 'replaceRunner'; runner: string }
  /** A deadline has passed. */
  | { type: 'tick' };

/** What is to be done. Every effect is to be carried out in order. */
export type AppEffect =
  /** `optional`: only where memory is free, else answer with `runnerDenied`. */
  | { type: 'startRunner'; runner: string; revision: string; optional: boolean }
  | { type: 'stopRunner'; runner: string; graceSeconds: number; reason: string }
  | { type: 'probeRunner'; runner: string }
  /** Call the app's own health check. */
  | { type: 'checkHealth'; runner: string; check: EffectiveHealthCheck }
  | { type: 'runnerState'; runner: string; state: RunnerState; phase: StartPhase | null; reason: string }
  /** Send request `id` to the runner as attempt `attempt` (from 1). */
  | { type: 'dispatch'; id: string; runner: string; attempt: number }
  /** Give up on a running attempt: its connection is to be closed. */
  | { type: 'abort'; id: string; attempt: number; error: ErrorType }
  /** POST `<path>/cancel` to the runner of a running request. */
  | { type: 'cancelOnRunner'; id: string; runner: string }
  /** The attempt failed, the request waits for its next one. */
  | { type: 'requeue'; id: string; reason: string; spent: Readonly<RetryBudgets> }
  /** The runner's answer is the request's result. */
  | { type: 'accept'; id: string }
  /** The request ends without an answer of the app. */
  | { type: 'end'; id: string; error: EndError; detail: string }
  /** A direct call cannot be served. */
  | { type: 'refuse'; id: string; error: SerializedError }
  /** A start failed. */
  | { type: 'startFailed'; revision: string; error: SerializedError; retryAt: number }
  /** A runner serves. */
  | { type: 'started'; runner: string; revision: string }
  /** This revision is the app's from now on / it was replaced before it served / its start failed and the old one serves on. */
  | { type: 'promoted'; revision: string }
  | { type: 'superseded'; revision: string }
  | { type: 'rejected'; revision: string; error: SerializedError };

/** `start_timeout` is fal's 504 without an error type of its own: told apart by `x-fal-request-timeout-type`. */
export type EndError = ErrorType | 'start_timeout';
