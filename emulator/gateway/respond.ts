import type { ServerResponse } from 'node:http';
import type { HeaderList } from '../contract/index.ts';
import { failureBody, failureHeaders, type HttpFailure } from './failure.ts';

/** Sends a JSON document in one write. */
export function sendJson(res: ServerResponse, status: number, body: unknown, headers: HeaderList = []): void {
  // A string, which Node joins to the head: bytes would be a second piece, and cost more than the whole document.
  const text = JSON.stringify(body);
  for (const [name, value] of headers) res.setHeader(name, value);
  res.setHeader('content-type', 'application/json');
  res.setHeader('content-length', Buffer.byteLength(text));
  res.statusCode = status;
  res.end(text);
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
  sendJson(res, failure.status, failureBody(failure), failureHeaders(failure));
}
