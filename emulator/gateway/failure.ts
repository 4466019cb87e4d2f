import {
  type ErrorCode,
  type ErrorType,
  type HeaderList,
  toWindtunnelError,
  WindtunnelError,
} from '../contract/index.ts';

export interface FailureAnswer {
  /** fal's `error_type`, also sent as `x-fal-error-type`. */
  type?: ErrorType | string;
  headers?: HeaderList;
  /** In place of `{detail, …}`. */
  body?: Record<string, unknown>;
}

/** An error with the HTTP answer that it becomes. */
export class HttpFailure extends Error {
  readonly status: number;
  readonly error: WindtunnelError;
  readonly answer: FailureAnswer;

  constructor(status: number, error: WindtunnelError, answer: FailureAnswer = {}) {
    super(error.message, { cause: error });
    this.name = 'HttpFailure';
    this.status = status;
    this.error = error;
    this.answer = answer;
  }
}

const STATUS: Partial<Record<ErrorCode, number>> = {
  E_BAD_REQUEST: 400,
  E_UNAUTHORIZED: 401,
  E_FOREIGN_ORIGIN: 403,
  E_UNKNOWN_APP: 404,
  E_PUBLIC_MODEL: 404,
  E_REMOTE_FILE: 404,
  E_FILE_GONE: 404,
  E_UNKNOWN_REQUEST: 404,
  E_UNKNOWN_RUNNER: 404,
  E_UNKNOWN_REVISION: 404,
  E_METHOD: 405,
  E_FOREIGN_HOST: 421,
  // fal's answer when more calls wait than an app may hold (docs, "concurrency limits").
  E_LIMIT: 429,
  E_CANCELLED: 499,
  E_NOT_EMULATED: 501,
  E_DISK_FULL: 507,
  E_STARTUP_TIMEOUT: 504,
};

// Source: fal docs "request errors".
const TYPE_STATUS: Readonly<Record<ErrorType, number>> = {
  request_timeout: 504,
  startup_timeout: 504,
  runner_scheduling_failure: 503,
  runner_connection_timeout: 503,
  runner_disconnected: 503,
  runner_connection_refused: 503,
  runner_connection_error: 503,
  runner_incomplete_response: 502,
  runner_server_error: 500,
  client_disconnected: 499,
  client_cancelled: 499,
  bad_request: 400,
  internal_error: 500,
};

/** The HTTP answer of any thrown value. */
export function toFailure(thrown: unknown): HttpFailure {
  if (thrown instanceof HttpFailure) return thrown;
  const error = toWindtunnelError(thrown);
  const status = STATUS[error.code];
  if (status !== undefined) {
    const type = error.code === 'E_STARTUP_TIMEOUT' ? 'startup_timeout' : undefined;
    return new HttpFailure(status, error, type === undefined ? {} : { type });
  }
  // A runner that can't be had: the author's Python, their environment or their machine.
  if (error.kind === 'app' || error.kind === 'user' || error.kind === 'fidelity') {
    return new HttpFailure(503, error, { type: 'runner_scheduling_failure' });
  }
  return new HttpFailure(500, error, { type: 'internal_error' });
}

/** An infrastructure failure of fal's list, with the status that fal gives it. */
export function infrastructureFailure(type: ErrorType, message: string, code: ErrorCode, hint?: string): HttpFailure {
  const error = new WindtunnelError(code, message, hint === undefined ? {} : { hint });
  return new HttpFailure(TYPE_STATUS[type], error, { type });
}

/** True for the names of fal's infrastructure errors. */
export function isErrorType(value: unknown): value is ErrorType {
  return typeof value === 'string' && Object.hasOwn(TYPE_STATUS, value);
}

/** 400 `bad_request`, as fal answers a header or query value that it can't read. */
export function badRequest(message: string, hint?: string): HttpFailure {
  return infrastructureFailure('bad_request', message, 'E_BAD_REQUEST', hint);
}

/** 405 with the methods that are allowed. */
export function wrongMethod(method: string, what: string, allow: string): HttpFailure {
  const error = new WindtunnelError('E_METHOD', `${method} is not allowed for ${what}.`, { hint: `Use ${allow}.` });
  return new HttpFailure(405, error, { headers: [['allow', allow]] });
}

/** 426 for a plain call of what answers over a WebSocket only. */
export function upgradeRequired(): HttpFailure {
  const error = new WindtunnelError('E_BAD_REQUEST', 'ws.fal.run answers over a WebSocket only.', {
    hint: 'Connect to it with wss://, or call fal.run over HTTP.',
  });
  return new HttpFailure(426, error, { headers: [['upgrade', 'websocket']] });
}

/** 413: something is larger than the limit named in contract/limits.ts. */
export function tooLarge(what: string, limit: number): HttpFailure {
  const error = new WindtunnelError('E_LIMIT', `${what} is larger than ${limit} bytes.`, {
    hint: 'See docs/limits.md for the limits of the emulator.',
  });
  return new HttpFailure(413, error);
}

/** 501 naming the part of fal that is not emulated. */
export function notEmulated(feature: string): HttpFailure {
  const error = new WindtunnelError('E_NOT_EMULATED', `${feature} is not emulated by this version of Windtunnel.`, {
    hint: 'docs/fidelity.md lists what is. Nothing was sent to fal.',
  });
  return new HttpFailure(501, error);
}

/** The body of an error in fal's shape: `{detail, error_type?, hint?}`, or the one that this failure names. */
export function failureBody({ error, answer }: HttpFailure): Record<string, unknown> {
  return (
    answer.body ?? {
      detail: error.message,
      ...(answer.type === undefined ? {} : { error_type: answer.type }),
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    }
  );
}

/** The headers of an error, beside those of its body. */
export function failureHeaders({ error, answer }: HttpFailure): HeaderList {
  const headers: HeaderList = [...(answer.headers ?? []), ['x-windtunnel-error', error.code]];
  if (answer.type !== undefined) headers.push(['x-fal-error-type', answer.type]);
  return headers;
}
