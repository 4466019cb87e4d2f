import type { AppId } from './app.ts';

/** fal has these three and no other: a failure is COMPLETED with `error`. */
export type RequestState = 'IN_QUEUE' | 'IN_PROGRESS' | 'COMPLETED';
export type Priority = 'normal' | 'low';

/** Infrastructure error types of fal (docs, "request errors"). */
export type ErrorType =
  | 'request_timeout'
  | 'startup_timeout'
  | 'runner_scheduling_failure'
  | 'runner_connection_timeout'
  | 'runner_disconnected'
  | 'runner_connection_refused'
  | 'runner_connection_error'
  | 'runner_incomplete_response'
  | 'runner_server_error'
  | 'client_disconnected'
  | 'client_cancelled'
  | 'bad_request'
  | 'internal_error';

/** Header list as on the wire, lower-case names, order kept. */
export type HeaderList = [name: string, value: string][];

/**
 * One queued request, as kept in memory for its whole retention. Bodies are not here. Times are ms since the epoch.
 * One object a request: 100,000 of them must stay cheap.
 */
export interface RequestRecord {
  readonly id: string;
  readonly app: AppId;
  /** Path below the app with query, starting with `/`. */
  readonly path: string;
  readonly method: string;
  readonly priority: Priority;
  /** Monotonic submit number over all apps: FIFO order. */
  readonly seq: number;
  readonly createdAt: number;
  /** Deadline for the start of processing, over all attempts. */
  readonly startDeadline: number | null;
  readonly hint: string | null;
  /** X-Fal-No-Retry. */
  readonly noRetry: boolean;
  /** X-Fal-Retry-Config as sent (JSON), null where absent or invalid. */
  readonly retryConfig: string | null;
  readonly webhook: string | null;
  readonly inputBytes: number;
  /** X-Fal-Store-IO was not 0. */
  readonly storeIo: boolean;
  /** Headers that reach the runner, and the input's content type. */
  readonly headers: HeaderList;

  state: RequestState;
  /** Attempts begun so far: 0 until the first dispatch. */
  attempt: number;
  /** Id of the last attempt; equals `id` for the first. */
  gatewayRequestId: string;
  /** Attempts already spent by condition, for retry budgets. */
  retriesSpent: Partial<Record<'timeout' | 'server_error' | 'connection_error', number>>;
  cancelRequested: boolean;
  startedAt: number | null;
  completedAt: number | null;
  runnerId: string | null;
  /** Set when COMPLETED. */
  outcome: RequestOutcome | null;
}

export interface RequestOutcome {
  /** HTTP status the result call replays. */
  status: number;
  headers: HeaderList;
  resultBytes: number;
  /** Seconds that the runner worked on the last attempt. */
  inferenceTime: number | null;
  error: string | null;
  errorType: ErrorType | string | null;
  /** After this the result is gone (404). ms since the epoch. */
  expiresAt: number;
}

export type LogLevel = 'STDERR' | 'STDOUT' | 'ERROR' | 'INFO' | 'WARN' | 'DEBUG';

/** One line of a request's or runner's log. */
export interface LogLine {
  /** ISO 8601 with milliseconds, UTC, as fal prints it. */
  timestamp: string;
  level: LogLevel;
  message: string;
  source: 'USER' | 'RUNNER';
  labels: Record<string, string>;
}
