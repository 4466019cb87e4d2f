import type { ServerResponse } from 'node:http';
import type { HeaderList } from '../contract/index.ts';
import type { HttpFailure } from './failure.ts';

/** Sends a JSON document in one write. */
export function sendJson(res: ServerResponse, status: number, body: unknown, headers: HeaderList = []): void {
  const bytes = Buffer.from(JSON.stringify(body));
  for (const [name, value] of headers) res.setHeader(name, value);
  res.setHeader('content-type', 'application/json');
  res.setHeader('content-length', bytes.length);
  res.statusCode = status;
  res.end(bytes);
}

/**
 * Sends an error in fal's shape: `{detail, error_type?, hint?}`, or the body that this failure names, with our code as
 * `x-windtunnel-error`. Where the answer has begun, the connection is cut: a truncated body must not look complete.
 */
export function sendFailure(res: ServerResponse, failure: HttpFailure): void {
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const { error, answer } = failure;
  const body = answer.body ?? {
    detail: error.message,
    ...(answer.type === undefined ? {} : { error_type: answer.type }),
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  };
  for (const [name, value] of answer.headers ?? []) res.setHeader(name, value);
  if (answer.type !== undefined) res.setHeader('x-fal-error-type', answer.type);
  res.setHeader('x-windtunnel-error', error.code);
  sendJson(res, failure.status, body);
}
