import type { HeaderList } from '../contract/index.ts';

// RFC 9110 §7.6.1, plus the proxy's own.
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * What a caller sends and an app does not see: the key; the page's origin (CORS is the gateway's); what would make uvicorn
 * believe in another client; and `accept-encoding`, because results are replayed to whoever asks and proxies in front
 * decompress without saying so (a Next.js route passes headers on as they are).
 */
const NOT_FOR_RUNNERS = new Set([
  ...HOP_BY_HOP,
  'host',
  'content-length',
  'expect',
  'authorization',
  'accept-encoding',
  'origin',
  'access-control-request-method',
  'access-control-request-headers',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-real-ip',
]);

/** Platform headers that the app may read as the caller sent them. Source: fal SDK `request_context`, fal_client. */
const FAL_FOR_RUNNERS = new Set(['x-fal-object-lifecycle-preference', 'x-fal-cdn-token']);

/** The headers of a call that reach the app, from Node's raw header list. */
export function forRunner(rawHeaders: readonly string[]): HeaderList {
  const kept: HeaderList = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    if (NOT_FOR_RUNNERS.has(name)) continue;
    if (isPlatform(name) && !FAL_FOR_RUNNERS.has(name)) continue;
    kept.push([name, rawHeaders[i + 1]!]);
  }
  return kept;
}

function isPlatform(name: string): boolean {
  return name.startsWith('x-fal-') || name.startsWith('x-wt-') || name.startsWith('x-windtunnel-');
}

// What an app tells the platform, not its caller (docs, "retries", "health checks").
const ORDERS = new Set(['x-fal-stop-runner', 'x-fal-runner-health-check']);

/** Whether a header of a runner's answer is passed on; `content-length` is the sender's own affair. */
export function isRelayed(name: string, status: number): boolean {
  if (HOP_BY_HOP.has(name) || ORDERS.has(name) || name === 'x-fal-request-id') return false;
  // CORS is decided here, by the rules of the port, not by the SDK's `*`.
  if (name.startsWith('access-control-')) return false;
  return name !== 'x-fal-needs-retry' || status >= 500 || status === 429;
}
