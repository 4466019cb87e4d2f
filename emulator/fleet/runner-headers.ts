import { type AppId, type HeaderList, RUNNER_SECRET_HEADER } from '../contract/index.ts';

/** What identifies one call to a runner. */
export interface RunnerCall {
  app: AppId;
  /** Below the app, with or without query. */
  path: string;
  /** A new one for each attempt; the cancel call carries the same. */
  requestId: string;
  secret: string;
}

/** No preference. fal sends the header with every request, and the SDK's own tests expect it (data plane §5.1). */
const DEFAULT_LIFECYCLE = '{}';
const LIFECYCLE = 'x-fal-object-lifecycle-preference';

// Of the caller's x-fal-* headers these are for the app; the others are the platform's (docs: development/request-headers).
const FOR_THE_APP = new Set([LIFECYCLE, 'x-fal-cdn-token']);

// Hop-by-hop headers (RFC 9110 §7.6.1), what undici writes itself, and the key of the emulator, which is no business of an app.
const NOT_FORWARDED = new Set([
  'host',
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'content-length',
  'authorization',
  // A stored result is replayed to callers who may not have asked for it compressed.
  'accept-encoding',
  RUNNER_SECRET_HEADER,
]);

/** Headers that the platform adds to every call of a runner (data plane §5.1). */
export function platformHeaders(call: RunnerCall): HeaderList {
  const path = call.path.split('?', 1)[0] ?? '/';
  return [
    [RUNNER_SECRET_HEADER, call.secret],
    ['x-fal-request-id', call.requestId],
    ['x-fal-endpoint', `${call.app}${path}`],
    ['x-fal-caller-user-id', call.app.split('/', 1)[0] ?? ''],
    [LIFECYCLE, DEFAULT_LIFECYCLE],
  ];
}

/** The caller's headers as the app may see them, and the platform's; a lifecycle preference of the caller's is kept. */
export function runnerHeaders(call: RunnerCall, caller: HeaderList): HeaderList {
  const kept = caller.filter(([name]) => isForApp(name.toLowerCase()));
  const own = kept.some(([name]) => name.toLowerCase() === LIFECYCLE);
  return [...kept, ...platformHeaders(call).filter(([name]) => name !== LIFECYCLE || !own)];
}

function isForApp(name: string): boolean {
  return name.startsWith('x-fal-') ? FOR_THE_APP.has(name) : !NOT_FORWARDED.has(name);
}

// Orders of the app to the platform (docs: serverless/reliability/retries, add-health-check-endpoint).
const CONTROL = new Set(['x-fal-stop-runner', 'x-fal-runner-health-check']);
const NOT_REPLAYED = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'trailer', 'upgrade']);

/** An app's response headers as its caller may see them. `x-fal-needs-retry` is theirs only on 5xx and 429. */
export function callerHeaders(status: number, headers: HeaderList): HeaderList {
  const retryable = status >= 500 || status === 429;
  return headers.filter(([name]) => {
    const lower = name.toLowerCase();
    if (lower === 'x-fal-needs-retry') return retryable;
    return !CONTROL.has(lower) && !NOT_REPLAYED.has(lower);
  });
}

export interface ControlHeaders {
  needsRetry: boolean | null;
  stopRunner: boolean | null;
  /** x-fal-runner-health-check: the runner is to be checked now. */
  checkHealth: boolean;
  /** Null: the answer says nothing of hints. */
  hints: string[] | null;
}

/** What an app's answer tells the platform. */
export function controlHeaders(headers: HeaderList): ControlHeaders {
  const value = (wanted: string) => headers.find(([name]) => name.toLowerCase() === wanted)?.[1];
  const hints = value('x-fal-runner-hints');
  return {
    needsRetry: flag(value('x-fal-needs-retry')),
    stopRunner: flag(value('x-fal-stop-runner')),
    checkHealth: flag(value('x-fal-runner-health-check')) ?? false,
    hints:
      hints === undefined
        ? null
        : hints
            .split(',')
            .map((hint) => hint.trim())
            .filter(Boolean),
  };
}

function flag(value: string | undefined): boolean | null {
  const lower = value?.trim().toLowerCase();
  if (lower === '1' || lower === 'true' || lower === 'yes') return true;
  return lower === '0' || lower === 'false' || lower === 'no' ? false : null;
}
