import type { IncomingMessage, ServerResponse } from 'node:http';

// What the clients send and read. Source: fal-js request.ts, response.ts; MDN: `*` does not cover these with credentials.
const METHODS = 'GET, HEAD, POST, PUT, DELETE, OPTIONS';
const EXPOSED = [
  'x-fal-request-id',
  'x-fal-billable-units',
  'x-fal-error-type',
  'x-fal-needs-retry',
  'x-fal-request-timeout-type',
  'x-fal-retryable',
  'x-fal-runner-hints',
  'x-fal-served-from',
  'x-windtunnel-error',
  'etag',
  'content-range',
  'accept-ranges',
  'content-length',
].join(', ');
const ALLOWED_HEADERS = 'authorization, content-type, accept, range';

/** Puts the CORS headers of an allowed origin on an answer. */
export function allowOrigin(res: ServerResponse, origin: string): void {
  res.setHeader('access-control-allow-origin', origin);
  res.setHeader('access-control-expose-headers', EXPOSED);
  res.setHeader('vary', 'Origin');
}

/** Answers a preflight of an allowed origin; the headers that the page asks for are granted (`x-fal-*`, `x-app-fal-*`, its own). */
export function answerPreflight(req: IncomingMessage, res: ServerResponse): void {
  const asked = req.headers['access-control-request-headers'];
  res.setHeader('access-control-allow-methods', METHODS);
  res.setHeader('access-control-allow-headers', asked ?? ALLOWED_HEADERS);
  res.setHeader('access-control-max-age', '600');
  // Chrome's private network access: a page of the open web or of another address space asks first.
  if (req.headers['access-control-request-private-network'] === 'true') {
    res.setHeader('access-control-allow-private-network', 'true');
  }
  res.writeHead(204).end();
}

/** A preflight, as opposed to an OPTIONS call that is meant for an app. */
export function isPreflight(req: IncomingMessage): boolean {
  return req.method === 'OPTIONS' && req.headers['access-control-request-method'] !== undefined;
}
