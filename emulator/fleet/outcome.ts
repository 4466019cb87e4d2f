import type { ErrorType, HeaderList, RequestOutcome, RequestRecord } from '../contract/index.ts';
import type { EndError } from '../core/app-protocol.ts';
import type { RunnerAnswer } from './attempt.ts';
import { callerHeaders } from './runner-headers.ts';

const SECOND = 1000;
const HOUR = 3600 * SECOND;

/**
 * How long results are kept, ms. Source: fal docs, inference-api/queue/result (1 h, 6 min for large ones) and
 * model-apis/common-parameters (payload storage, on by default, 30 days; `X-Fal-Store-IO: 0` opts out).
 */
export const RETENTION = {
  stored: 30 * 24 * HOUR,
  small: HOUR,
  large: 6 * 60 * SECOND,
  /** Results from this size on are large; bytes. */
  largeFrom: 10 * 1024,
} as const;

/** When the result of a request is forgotten; ms since the epoch. */
export function expiryOf(record: RequestRecord, resultBytes: number, completedAt: number): number {
  if (record.storeIo) return completedAt + RETENTION.stored;
  return completedAt + (resultBytes >= RETENTION.largeFrom ? RETENTION.large : RETENTION.small);
}

/** HTTP status of fal's infrastructure errors (docs: model-apis/request-errors). */
export const ERROR_STATUS: Record<ErrorType, number> = {
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

export interface Ending {
  outcome: RequestOutcome;
  body: Uint8Array;
}

/** The outcome of a request for which the platform, not the app, has the last word. Its body is fal's flat JSON. */
export function failureOutcome(record: RequestRecord, error: EndError, detail: string, now: number): Ending {
  const startTimeout = error === 'start_timeout';
  const errorType: ErrorType = startTimeout ? 'request_timeout' : error;
  const body = Buffer.from(JSON.stringify({ detail, error_type: errorType }));
  const headers: HeaderList = [
    ['content-type', 'application/json'],
    ['x-fal-error-type', errorType],
  ];
  // Clients take a 504 with this header as their own deadline, and do not ask again.
  if (startTimeout) headers.push(['x-fal-request-timeout-type', 'user']);
  const outcome: RequestOutcome = {
    status: ERROR_STATUS[errorType],
    headers,
    resultBytes: body.byteLength,
    inferenceTime: null,
    error: detail,
    errorType,
    expiresAt: expiryOf(record, body.byteLength, now),
  };
  return { outcome, body };
}

/** The outcome of a request that the app answered, whatever it answered: replayed as it was. */
export function answerOutcome(record: RequestRecord, answer: RunnerAnswer, now: number): RequestOutcome {
  const size = answer.body.kind === 'file' ? answer.body.size : answer.body.bytes.byteLength;
  const failed = answer.status >= 400;
  const described = failed ? describe(answer) : null;
  return {
    status: answer.status,
    headers: callerHeaders(answer.status, answer.headers),
    resultBytes: size,
    inferenceTime: record.startedAt === null ? null : (now - record.startedAt) / SECOND,
    error: failed ? (described?.detail ?? `Invalid status code: ${answer.status}`) : null,
    errorType: failed ? errorTypeOf(record, answer, described?.errorType ?? null) : null,
    expiresAt: expiryOf(record, size, now),
  };
}

function errorTypeOf(record: RequestRecord, answer: RunnerAnswer, inBody: string | null): string | null {
  const inHeader = answer.headers.find(([name]) => name === 'x-fal-error-type')?.[1];
  if (inBody ?? inHeader) return inBody ?? inHeader ?? null;
  if (record.cancelRequested && answer.status === 499) return 'client_cancelled';
  return answer.status >= 500 ? 'runner_server_error' : null;
}

/** Errors are small; of a large body nothing is parsed. */
const DESCRIBED_BYTES = 64 * 1024;

function describe(answer: RunnerAnswer): { detail: string | null; errorType: string | null } | null {
  if (answer.body.kind === 'file' || answer.body.bytes.byteLength > DESCRIBED_BYTES) return null;
  const type = answer.headers.find(([name]) => name === 'content-type')?.[1] ?? '';
  if (!type.includes('json')) return null;
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(answer.body.bytes).toString('utf8'));
  } catch {
    return null; // An app may call anything JSON; its bytes are replayed all the same.
  }
  if (typeof value !== 'object' || value === null) return null;
  const text = (name: string) => {
    const field: unknown = Reflect.get(value, name);
    return typeof field === 'string' ? field : null;
  };
  return { detail: text('detail'), errorType: text('error_type') };
}
