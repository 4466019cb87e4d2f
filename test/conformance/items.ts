import type { Need } from '../support/skip.ts';

/** What an item is checked with: J = @fal-ai/client, P = fal_client and fal.apps, C = curl alone, E = the emulator driven by its CLI. */
export type Client = 'J' | 'P' | 'C' | 'E';

export interface Item {
  number: number;
  title: string;
  clients: readonly Client[];
  /** What its case needs of the machine. */
  needs?: readonly Need[];
  /** Its case uses parts of this repository beside the client. */
  withRepository?: true;
}

/** The matrix of the data plane, as far as it is emulated. Numbers are stable: docs/fidelity.md and the changelog name them. */
export const ITEMS: readonly Item[] = [
  { number: 1, title: 'submit answers 200 with the id, three URLs, a position and IN_QUEUE', clients: ['J', 'P'] },
  { number: 2, title: 'the handle of a submit equals one rebuilt from app and id', clients: ['P'] },
  { number: 3, title: 'sub-paths: submitted by path or by id, polled by owner/alias', clients: ['J', 'P'] },
  { number: 4, title: 'workflows/ and comfy/ prefixes route', clients: ['J'] },
  { number: 5, title: 'status and result with a trailing slash, without a redirect', clients: ['P'] },
  { number: 6, title: 'status is 202 until done, then 200', clients: ['P'] },
  { number: 7, title: 'the position in the queue goes down', clients: ['P'] },
  { number: 8, title: 'logs: null without, a list with; 1 and true are equal', clients: ['P'] },
  { number: 9, title: 'updates end with COMPLETED; inference_time is there', clients: ['J'] },
  { number: 10, title: 'polled logs grow, each line once, with its time', clients: ['J'] },
  { number: 11, title: 'logs of a streamed subscribe come once; it outlives the comment lines', clients: ['J'] },
  { number: 12, title: 'the result can be read again and again', clients: ['J', 'P'] },
  { number: 13, title: 'a result before completion is a 4xx', clients: ['J', 'P'] },
  { number: 14, title: 'an unknown id is 404 NOT_FOUND; a foreign key 401', clients: ['J', 'P'] },
  { number: 15, title: 'cancel of a queued request: the app never sees it', clients: ['J', 'P'] },
  { number: 16, title: 'cancel of a running request whose app has /cancel: 499', clients: ['P'] },
  { number: 17, title: 'cancel of a running request whose app has none: it ends as usual', clients: ['P'] },
  { number: 18, title: 'cancel after completion: 400 ALREADY_COMPLETED', clients: ['J'] },
  { number: 19, title: 'low priority runs after every normal one', clients: ['J', 'P'] },
  { number: 20, title: 'a hint leads to the runner that advertised it; without one, in turn', clients: ['J', 'P'] },
  { number: 21, title: 'start timeout behind a busy slot: 504, user, not retried', clients: ['P'] },
  { number: 22, title: 'X-Fal-Request-Start-Timeout wins; a bad value is 400 bad_request', clients: ['P'] },
  { number: 23, title: 'fal_max_queue_length: 429', clients: ['P'] },
  { number: 24, title: "a client's own timeout cancels the request", clients: ['J', 'P'] },
  { number: 25, title: 'queued work and results survive a restart of the emulator', clients: ['E'] },
  { number: 26, title: '503, 503, 200: success on a fresh runner, an id for each attempt', clients: ['J', 'P'] },
  { number: 27, title: 'always 503: ten attempts, then its last answer', clients: ['P'] },
  { number: 28, title: 'X-Fal-No-Retry and the budgets of X-Fal-Retry-Config', clients: ['J', 'P'] },
  { number: 29, title: 'X-Fal-Needs-Retry beats the status; a 200 is without it', clients: ['P'] },
  { number: 30, title: 'x-fal-stop-runner stops or spares a runner and reaches no caller', clients: ['P'] },
  { number: 31, title: 'request_timeout: 504, a fresh runner, and no retry where it is skipped', clients: ['P'] },
  { number: 32, title: 'a runner that crashes: the queue retries, a direct call is 503', clients: ['P'] },
  { number: 33, title: 'a pydantic 422 as the client types it, not billed', clients: ['J', 'P'] },
  { number: 34, title: 'the error type, from the body and from the header alone', clients: ['P'] },
  { number: 35, title: 'an unknown path: 404 with its text, not billed', clients: ['P'] },
  { number: 36, title: 'out of GPU memory: 503, a fresh runner takes the request', clients: ['P'] },
  { number: 37, title: 'a failed result is read again by its status, without another call of the app', clients: ['J'] },
  { number: 38, title: 'redirects of an app are passed on as they are', clients: ['P'] },
  { number: 39, title: 'run answers body and request id; the app is called once', clients: ['J', 'P'] },
  { number: 40, title: 'a direct caller that goes away cancels', clients: ['J', 'P'] },
  { number: 41, title: 'bytes and text are decoded by their type', clients: ['J'] },
  { number: 42, title: 'a stream arrives event by event', clients: ['J', 'P'] },
  { number: 43, title: 'a stream by token, without a key', clients: ['J'] },
  { number: 44, title: 'SSE although the caller accepts JSON', clients: ['P'] },
  { number: 45, title: 'realtime: messages both ways, binary included, by token and by key', clients: ['J', 'P'] },
  { number: 46, title: 'realtime at a path of its own; max_buffering reaches the app', clients: ['J', 'P'] },
  { number: 47, title: 'realtime: an exception of the app is INTERNAL_ERROR', clients: ['J', 'P'] },
  { number: 48, title: 'realtime: an idle session ends in order, and begins again', clients: ['J', 'P'] },
  { number: 49, title: 'realtime: a token that is refused is asked for again', clients: ['J', 'P'] },
  { number: 50, title: 'HTTP over WebSocket: calls one by one and at once, answered in order', clients: ['P'] },
  { number: 51, title: 'uploads, and blobs inside an input', clients: ['J'] },
  { number: 52, title: 'a multipart upload over 90 MB', clients: ['J'] },
  { number: 53, title: 'upload, upload_file, upload_image and the gcs way', clients: ['P'] },
  { number: 54, title: 'uploads over 100 MB', clients: ['P'] },
  { number: 55, title: 'files with a lifetime and an ACL; they end with the clock', clients: ['J', 'P'] },
  { number: 56, title: 'files and images that the app makes', clients: ['P'] },
  {
    number: 57,
    title: "the app reads uploads through the SDK's guard; other private targets stay refused",
    clients: ['P'],
  },
  { number: 58, title: "the app's KVStore: set, get, delete, ttl", clients: ['P'] },
  { number: 59, title: 'webhooks: OK, ERROR and payload_error, signed by the published key', clients: ['J', 'P'] },
  { number: 60, title: 'a webhook that fails is called again; a redirect is not followed', clients: ['P'] },
  {
    number: 61,
    title: 'led here without the proxy: proxyUrl, requestMiddleware, fetch, the preload alone; the host variables',
    clients: ['J', 'P'],
    withRepository: true,
  },
  {
    number: 62,
    title: "a site's own proxy route: the Express and the Next handler, by production names and by the emulator's",
    clients: ['J'],
    withRepository: true,
  },
  { number: 63, title: 'headers that reach the app, and contexts apart under multiplexing', clients: ['P'] },
  {
    number: 64,
    title: "a real browser's page on another port: preflights, exposed headers, uploads, streams, realtime",
    clients: ['J'],
    needs: ['chromium'],
    withRepository: true,
  },
  { number: 65, title: 'nothing of a whole run leaves the machine', clients: ['E'] },
  { number: 66, title: 'setup runs once a runner', clients: ['P'] },
  { number: 67, title: 'the same app by curl alone', clients: ['C'] },
  { number: 68, title: 'two apps share /data, across restarts', clients: ['E'] },
  { number: 69, title: 'an app calls another local app', clients: ['P'] },
  { number: 70, title: 'an unknown owner with a known app', clients: ['P'] },
  { number: 71, title: 'a public model or a file of the cloud answers the typed error', clients: ['P'] },
  {
    number: 72,
    title: 'realtime modes: server, client and both-way streams, and a codec of its own',
    clients: ['J', 'P'],
  },
  {
    number: 73,
    title: 'multipart forms reach the app, and multipart answers its caller, byte by byte',
    clients: ['P'],
  },
];

const LINE_ONLY = new Set([7, 15, 19, 21, 22, 23]);
const LIVE_ONLY = new Set([45, 46, 47, 48, 49, 50, 72]);

const RETRY = 'apps/retry.py::Retry';
const RETRY_ONLY = new Set([26, 27, 28, 29, 30, 32, 34, 36]);

/** The apps of test/conformance/apps that the case of an item calls. */
export function appsOf(item: number): readonly string[] {
  if (RETRY_ONLY.has(item)) return [RETRY];
  if (item === 20) return ['apps/retry.py::Sticky'];
  if (item === 31) return [RETRY, 'apps/retry.py::Overdue', 'apps/retry.py::OverdueOnce'];
  if (LINE_ONLY.has(item)) return ['apps/line.py'];
  if (LIVE_ONLY.has(item)) return ['apps/live.py'];
  if (item === 61 || item === 64) return ['apps/probe.py', 'apps/live.py'];
  return item === 69 ? ['apps/probe.py', 'apps/line.py'] : ['apps/probe.py'];
}
