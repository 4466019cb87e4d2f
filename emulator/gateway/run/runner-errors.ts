import type { ErrorType } from '../../contract/index.ts';
import { RunnerConnectError } from '../../fleet/runner-pool.ts';
import { HttpFailure, infrastructureFailure, isErrorType } from '../failure.ts';

const HINT = 'Look at the log of the runner: `windtunnel logs`.';

const MESSAGES: Partial<Record<ErrorType, string>> = {
  request_timeout: "The request ran longer than the app's request_timeout.",
  runner_disconnected: 'The runner ended while it worked on the request.',
  runner_connection_refused: 'The runner does not listen.',
  runner_connection_timeout: 'The runner did not take the connection in time.',
  runner_incomplete_response: 'The runner broke off its answer.',
};

/** The failure that a lease's signal or fal's list names. */
export function runnerFailure(type: ErrorType): HttpFailure {
  const code = type === 'client_cancelled' ? 'E_CANCELLED' : 'E_RUNNER_EXITED';
  const failure = infrastructureFailure(type, MESSAGES[type] ?? 'The connection to the runner failed.', code, HINT);
  // Direct calls say whether trying again makes sense (docs, "retries").
  if (failure.status !== 503) return failure;
  return new HttpFailure(failure.status, failure.error, { ...failure.answer, headers: [['x-fal-needs-retry', '1']] });
}

/** The reason of an aborted lease as one of fal's types. */
export function abortType(reason: unknown): ErrorType {
  if (isErrorType(reason)) return reason;
  if (reason instanceof Error && isErrorType(reason.message)) return reason.message;
  return 'runner_disconnected';
}

/** What a failed connection to the runner is called. `begun` = its answer had started. */
export function connectionErrorType(error: Error, begun: boolean): ErrorType {
  if (begun) return 'runner_incomplete_response';
  if (error instanceof RunnerConnectError) return 'runner_connection_refused';
  const code = 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ECONNREFUSED':
    case 'ENOENT':
      return 'runner_connection_refused';
    case 'UND_ERR_CONNECT_TIMEOUT':
    case 'ETIMEDOUT':
      return 'runner_connection_timeout';
    case 'UND_ERR_SOCKET':
    case 'ECONNRESET':
    case 'EPIPE':
      return 'runner_disconnected';
    default:
      return 'runner_connection_error';
  }
}
