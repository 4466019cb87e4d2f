import * as z from 'zod/mini';
import type { ErrorType, RetryCondition } from '../contract/index.ts';

/** Extra attempts allowed by condition; a condition that is absent has no budget of its own. */
export type RetryBudgets = Partial<Record<RetryCondition, number>>;

/** How one attempt ended: the runner answered, or the platform gave up on it. */
export type AttemptEnd =
  | {
      kind: 'answer';
      status: number;
      /** `X-Fal-Needs-Retry` and `x-fal-stop-runner` of the answer; null where absent or unreadable. */
      needsRetry: boolean | null;
      stopRunner: boolean | null;
    }
  | { kind: 'failure'; error: AttemptFailure; detail: string };

/** The infrastructure errors that an attempt can end with. */
export type AttemptFailure = Extract<
  ErrorType,
  | 'request_timeout'
  | 'runner_disconnected'
  | 'runner_connection_timeout'
  | 'runner_connection_refused'
  | 'runner_connection_error'
  | 'runner_incomplete_response'
  | 'client_disconnected'
  | 'internal_error'
>;

/** What is to be done with the runner: nothing, a check that it still accepts connections, or its end. */
export type RunnerVerdict = 'keep' | 'probe' | 'kill';

export interface RetryQuestion {
  /** Attempts made, this one included. */
  attempts: number;
  maxAttempts: number;
  /** X-Fal-No-Retry of the caller. */
  noRetry: boolean;
  /** X-Fal-Retry-Config of the caller, else null. */
  callerBudgets: RetryBudgets | null;
  appBudgets: RetryBudgets;
  skip: readonly RetryCondition[];
  spent: Readonly<RetryBudgets>;
}

export interface Verdict {
  /** The condition to retry under, null for no retry. */
  retry: RetryCondition | null;
  runner: RunnerVerdict;
}

/**
 * fal's rules for retries and for the runner's fate (docs: serverless/reliability/retries). Caller's no-retry > the app's
 * X-Fal-Needs-Retry (5xx and 429 only) > skip_retry_conditions and status; budgets: caller's > app's > none.
 */
export function judgeAttempt(end: AttemptEnd, q: RetryQuestion): Verdict {
  const runner = runnerVerdict(end);
  const condition = retryCondition(end, q.skip);
  if (condition === null || q.noRetry || q.attempts >= q.maxAttempts) return { retry: null, runner };
  const budget = (q.callerBudgets ?? q.appBudgets)[condition];
  if (budget !== undefined && (q.spent[condition] ?? 0) >= budget) return { retry: null, runner };
  return { retry: condition, runner };
}

function retryCondition(end: AttemptEnd, skip: readonly RetryCondition[]): RetryCondition | null {
  if (end.kind === 'answer') {
    if ((end.status >= 500 || end.status === 429) && end.needsRetry !== null) {
      return end.needsRetry ? 'server_error' : null;
    }
    const retryable = end.status === 503 || end.status === 504;
    return retryable && !skip.includes('server_error') ? 'server_error' : null;
  }
  const condition = FAILURE_CONDITION[end.error];
  return condition !== null && !skip.includes(condition) ? condition : null;
}

// A connection that broke after it was made is a server error by fal's table; one that could not be made is not.
const FAILURE_CONDITION: Record<AttemptFailure, RetryCondition | null> = {
  request_timeout: 'timeout',
  runner_disconnected: 'server_error',
  runner_incomplete_response: 'server_error',
  runner_connection_timeout: 'connection_error',
  runner_connection_refused: 'connection_error',
  runner_connection_error: 'connection_error',
  client_disconnected: null,
  internal_error: null,
};

function runnerVerdict(end: AttemptEnd): RunnerVerdict {
  if (end.kind === 'failure') {
    if (end.error === 'request_timeout') return 'kill';
    return FAILURE_CONDITION[end.error] === null ? 'keep' : 'probe';
  }
  if (end.stopRunner !== null) return end.stopRunner ? 'kill' : 'keep';
  if (end.status === 503) return 'kill';
  return end.status === 500 || end.status === 502 || end.status === 504 ? 'probe' : 'keep';
}

const Retries = z.union([z.number().check(z.nonnegative()), z.object({ retries: z.number().check(z.nonnegative()) })]);
const BudgetsSchema = z.object({
  timeout: z.optional(Retries),
  server_error: z.optional(Retries),
  connection_error: z.optional(Retries),
});

/** Budgets of `{condition: {retries: n}}` or the SDK's `RetryConfig` short form `{condition: n}`; null when it is neither. */
export function parseRetryBudgets(value: unknown): RetryBudgets | null {
  const parsed = BudgetsSchema.safeParse(value);
  if (!parsed.success) return null;
  const budgets: RetryBudgets = {};
  for (const condition of ['timeout', 'server_error', 'connection_error'] as const) {
    const entry = parsed.data[condition];
    if (entry !== undefined) budgets[condition] = typeof entry === 'number' ? entry : entry.retries;
  }
  return budgets;
}

/** X-Fal-Retry-Config as sent; null when absent or not valid (fal ignores an invalid one). */
export function parseRetryHeader(header: string | null): RetryBudgets | null {
  if (header === null) return null;
  try {
    return parseRetryBudgets(JSON.parse(header));
  } catch {
    return null;
  }
}
