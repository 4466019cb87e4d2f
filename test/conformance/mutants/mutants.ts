// Long: a list; each entry is a sentence and the few characters that break the emulator.
import type { Client } from '../items.ts';

export interface Edit {
  /** In the repository. */
  file: string;
  /** Stands there exactly once. */
  find: string;
  replace: string;
}

/** A small deliberate breakage that the tests of an item have to see, with each of these clients. */
export interface Mutant {
  item: number;
  clients: readonly Client[];
  /** What is broken, as one would say it. */
  what: string;
  edits: readonly Edit[];
}

const GATEWAY = 'emulator/gateway';
const QUEUE = `${GATEWAY}/queue/queue-service.ts`;
const DIRECT = `${GATEWAY}/run/direct-call.ts`;
const ANSWER = `${GATEWAY}/run/answer-head.ts`;
const HEADERS = `${GATEWAY}/headers.ts`;
const RUNNER_HEADERS = 'emulator/fleet/runner-headers.ts';
const OUTCOME = 'emulator/fleet/outcome.ts';

const NO_CANCEL_ON_RUNNER: Edit = {
  file: 'emulator/fleet/queued-work.ts',
  find: 'cancelOnRunner(runner.dispatcher, call, record.headers).catch(',
  replace: 'Promise.resolve().catch(',
};
const WRONG_PART_ORDER: Edit = {
  file: `${GATEWAY}/files/uploads.ts`,
  find: '.sort((a, b) => a - b)',
  replace: '.sort((a, b) => b - a)',
};

/** A mutant of one edit. */
function mutant(
  item: number,
  clients: string,
  what: string,
  ...[file, find, replace]: [string, string, string]
): Mutant {
  return { item, clients: [...clients] as Client[], what, edits: [{ file, find, replace }] };
}

export const MUTANTS: readonly Mutant[] = [
  mutant(
    1,
    'JP',
    'submit tells no position',
    QUEUE,
    'queue_position: deps.fleet.queue.position(record)',
    'queue_position: null',
  ),
  mutant(
    2,
    'P',
    'the URLs of a submit carry its sub-path',
    QUEUE,
    '...requestUrls(route.base, id.prefix, record.id),\n      queue_position',
    '...requestUrls(route.base, id.prefix + id.path, record.id),\n      queue_position',
  ),
  mutant(3, 'JP', 'the sub-path of a submit is lost', QUEUE, 'path: id.path + query', "path: '/' + query"),
  mutant(
    4,
    'J',
    'comfy/ is taken for an owner',
    `${GATEWAY}/endpoint-id.ts`,
    "owner === 'workflows' || owner === 'comfy'",
    "owner === 'workflows'",
  ),
  mutant(
    5,
    'P',
    'a trailing slash is an unknown path',
    QUEUE,
    'const record = find(deps, id, call);',
    "const record = route.path.endsWith('/') ? undefined : find(deps, id, call);",
  ),
  mutant(6, 'P', 'status is 200 while it works', QUEUE, "record.state === 'COMPLETED' ? 200 : 202", '200'),
  mutant(
    7,
    'P',
    'the position counts other lanes only',
    'emulator/core/request-queue.ts',
    'return before + lane.rank(item)',
    'return before',
  ),
  mutant(
    8,
    'P',
    'logs=1 is not understood',
    `${GATEWAY}/queue/status.ts`,
    "value === '1' || value === 'true'",
    "value === 'true'",
  ),
  mutant(
    8,
    'P',
    'logs come unasked',
    `${GATEWAY}/queue/status.ts`,
    "if (!query.includes('logs=')) return false;",
    'return true;',
  ),
  mutant(
    8,
    'P',
    'lines of a request are the runner’s',
    'emulator/runner/log_context.py',
    'if request not in self._in_flight:',
    'if True:',
  ),
  mutant(9, 'J', 'no inference_time', `${GATEWAY}/queue/status.ts`, '{ inference_time: outcome.inferenceTime }', '{}'),
  mutant(
    9,
    'J',
    'a request is never seen in progress',
    `${GATEWAY}/queue/status.ts`,
    'status: state,',
    "status: state === 'IN_PROGRESS' ? 'IN_QUEUE' : state,",
  ),
  mutant(
    12,
    'JP',
    'a result is given once',
    'emulator/fleet/queue-service.ts',
    'return this.context.store.result(id);',
    'const given = (globalThis.given ??= new Set()); if (given.has(id)) return Promise.resolve(null); given.add(id); return this.context.store.result(id);',
  ),
  mutant(
    13,
    'JP',
    'a result before completion is 202',
    QUEUE,
    "HttpFailure(400, new WindtunnelError('E_BAD_REQUEST', 'Request is still",
    "HttpFailure(202, new WindtunnelError('E_BAD_REQUEST', 'Request is still",
  ),
  mutant(14, 'JP', 'an unknown id has no status NOT_FOUND', QUEUE, "{ body: { status: 'NOT_FOUND' } }", '{}'),
  mutant(
    14,
    'P',
    'a foreign key is taken',
    `${GATEWAY}/access/access.ts`,
    "if (identity === null) throw unauthorized('The key is not a key of this emulator.');",
    '',
  ),
  mutant(
    15,
    'JP',
    'a cancelled request stays in the queue',
    QUEUE,
    'await queue.cancel(record.id)',
    "'CANCELLATION_REQUESTED'",
  ),
  { item: 16, clients: ['P'], what: 'the app is never told of a cancel', edits: [NO_CANCEL_ON_RUNNER] },
  mutant(
    16,
    'P',
    'the cancelled answer is a 200',
    OUTCOME,
    'status: answer.status,',
    'status: answer.status === 499 ? 200 : answer.status,',
  ),
  mutant(
    17,
    'P',
    'a cancel wins over the answer of an app without /cancel',
    OUTCOME,
    'status: answer.status,',
    'status: record.cancelRequested ? 499 : answer.status,',
  ),
  mutant(18, 'J', 'a late cancel is accepted', QUEUE, "status === 'ALREADY_COMPLETED' ? 400 : 202", '202'),
  mutant(
    19,
    'JP',
    'priority means nothing',
    'emulator/core/request-queue.ts',
    "item.priority === 'normal' ? 0 : 2",
    '0',
  ),
  mutant(
    21,
    'P',
    'the start timeout is not read',
    `${GATEWAY}/queue/submit-options.ts`,
    'startTimeout: startTimeout(headers),',
    'startTimeout: null,',
  ),
  mutant(
    21,
    'P',
    'a start timeout is not said to be the user’s',
    OUTCOME,
    "if (startTimeout) headers.push(['x-fal-request-timeout-type', 'user']);",
    '',
  ),
  mutant(
    22,
    'P',
    'the older header wins',
    `${GATEWAY}/queue/submit-options.ts`,
    "newer ?? one(headers['x-fal-request-timeout'])",
    "one(headers['x-fal-request-timeout']) ?? newer",
  ),
  mutant(
    22,
    'P',
    'a start timeout of 0.1 is taken',
    `${GATEWAY}/queue/submit-options.ts`,
    'seconds <= 0.1',
    'seconds < 0.1',
  ),
  mutant(
    23,
    'P',
    'fal_max_queue_length is ignored',
    'emulator/fleet/queue-service.ts',
    'waiting > input.maxQueueLength',
    'false',
  ),
  { item: 24, clients: ['J', 'P'], what: 'the app is never told of a cancel', edits: [NO_CANCEL_ON_RUNNER] },
  mutant(
    25,
    'E',
    'what waited is forgotten at a restart',
    'emulator/fleet/queue-service.ts',
    "if (record.state === 'COMPLETED') continue;",
    'continue;',
  ),
  mutant(
    33,
    'JP',
    'x-fal-billable-units is dropped',
    HEADERS,
    "if (name.startsWith('access-control-')) return false;",
    "if (name.startsWith('access-control-') || name === 'x-fal-billable-units') return false;",
  ),
  mutant(
    33,
    'JP',
    'a 422 becomes a 400',
    OUTCOME,
    'status: answer.status,',
    'status: answer.status === 422 ? 400 : answer.status,',
  ),
  mutant(
    35,
    'P',
    'the app sees another path',
    DIRECT,
    'this.target = path + withoutToken',
    "this.target = '/app' + path + withoutToken",
  ),
  mutant(39, 'JP', 'a run has no request id', ANSWER, "['x-fal-request-id', call.requestId]", '[]'),
  mutant(
    39,
    'JP',
    'a run calls the app twice',
    DIRECT,
    'this.dispatched = true;',
    "this.dispatched = true; await (await lease.dispatcher.request({ origin: 'http://runner', path: this.target, method: 'POST', headers: this.requestHeaders(lease, body), body })).body.dump();",
  ),
  mutant(
    40,
    'JP',
    'a caller that goes away is not told to the app',
    DIRECT,
    'void this.cancelOnRunner(this.lease);',
    '',
  ),
  mutant(
    41,
    'J',
    'the content type is dropped',
    ANSWER,
    "if (name === 'content-type') contentType = value;",
    "if (name === 'content-type') continue;",
  ),
  mutant(
    42,
    'JP',
    'a stream arrives at its end',
    DIRECT,
    "if (head.delivery === 'stream') res.flushHeaders();",
    "if (head.delivery === 'stream') res.cork();",
  ),
  mutant(43, 'J', 'tokens are not looked at', `${GATEWAY}/access/access.ts`, 'if (token !== null) {', 'if (false) {'),
  mutant(
    43,
    'J',
    'the signature of a token is not checked',
    `${GATEWAY}/access/tokens.ts`,
    'if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return null;',
    '',
  ),
  mutant(
    44,
    'P',
    'the type of an answer follows Accept',
    DIRECT,
    'this.head = head;',
    "this.head = head; if (req.headers.accept === 'application/json') head.headers[head.headers.indexOf('content-type') + 1] = 'application/json';",
  ),
  mutant(
    51,
    'J',
    'an upload loses its content type',
    `${GATEWAY}/files/uploads.ts`,
    'upload.draft.contentType ?? sentType ??',
    '',
  ),
  { item: 52, clients: ['J'], what: 'parts are joined in the wrong order', edits: [WRONG_PART_ORDER] },
  mutant(
    53,
    'P',
    'a range is answered with 200',
    `${GATEWAY}/files/cdn-service.ts`,
    "range === 'whole' ? 200 : 206",
    '200',
  ),
  mutant(
    53,
    'P',
    'there is no gcs way',
    `${GATEWAY}/rest/rest-service.ts`,
    "new Set(['fal-cdn-v3', 'gcs'])",
    "new Set(['fal-cdn-v3'])",
  ),
  { item: 54, clients: ['P'], what: 'parts are joined in the wrong order', edits: [WRONG_PART_ORDER] },
  mutant(
    54,
    'P',
    'the last part is left out',
    `${GATEWAY}/files/uploads.ts`,
    '.sort((a, b) => a - b)',
    '.sort((a, b) => a - b).slice(0, -1)',
  ),
  mutant(
    56,
    'P',
    'files get URLs of another host',
    `${GATEWAY}/files/file-urls.ts`,
    'PRODUCTION_FILES = `https:',
    "PRODUCTION_FILES = 'https://v9.fal.media' || `https:",
  ),
  mutant(
    56,
    'P',
    'a caller’s lifecycle preference is lost',
    RUNNER_HEADERS,
    "new Set([LIFECYCLE, 'x-fal-cdn-token'])",
    "new Set(['x-fal-cdn-token'])",
  ),
  mutant(
    57,
    'P',
    'fal’s hosts resolve to private addresses in the app',
    'emulator/runner/shim.py',
    '"192.88.99.0/24"',
    '"10.88.99.0/24"',
  ),
  mutant(
    57,
    'P',
    'every loopback port passes the SDK’s guard',
    'emulator/runner/shim.py',
    'return bool(name) and (\n',
    'return bool(name) and (\n            name == "127.0.0.1" or\n',
  ),
  {
    item: 63,
    clients: ['P'],
    what: 'the caller’s X-Fal-No-Retry reaches the app',
    edits: [
      { file: HEADERS, find: "new Set(['x-fal-object-", replace: "new Set(['x-fal-no-retry', 'x-fal-object-" },
      { file: RUNNER_HEADERS, find: 'new Set([LIFECYCLE,', replace: "new Set(['x-fal-no-retry', LIFECYCLE," },
    ],
  },
  mutant(
    63,
    'P',
    'all requests have one id in the app',
    RUNNER_HEADERS,
    "['x-fal-request-id', call.requestId]",
    "['x-fal-request-id', (globalThis.one ??= call.requestId)]",
  ),
  mutant(63, 'P', 'the app is not told its endpoint', RUNNER_HEADERS, "['x-fal-endpoint',", "['x-endpoint',"),
  mutant(
    65,
    'E',
    'exec sets no proxy',
    'emulator/cli/exec-env.ts',
    'for (const name of PROXY_VARIABLES) changes[name] = proxy;',
    '',
  ),
  mutant(
    65,
    'E',
    'the app looks fal’s hosts up',
    'emulator/runner/shim.py',
    '    if family == socket.AF_INET6:',
    '    try:\n        _real["getaddrinfo"](host, port)\n    except OSError:\n        pass\n    if family == socket.AF_INET6:',
  ),
  mutant(
    66,
    'P',
    'a runner serves one request',
    'emulator/core/app-runners.ts',
    'return runner.used ? runner.revision.settings.keepAlive : state.constants.unusedRunnerSeconds;',
    'return runner.used ? 0 : state.constants.unusedRunnerSeconds;',
  ),
  mutant(
    67,
    'C',
    'a path without /run or /queue is no call',
    `${GATEWAY}/route.ts`,
    "return { ...local, service: 'run', path, base: origin };",
    "return { ...local, service: 'health', path, base: origin };",
  ),
  mutant(
    68,
    'E',
    'each runner has a /data of its own',
    'emulator/engines/process/folders.ts',
    "mapped['/data'] = spec.dataDir;",
    "mapped['/data'] = workDir;",
  ),
  mutant(
    69,
    'P',
    'an app’s key is no key',
    'emulator/fleet/runner-env.ts',
    '...platform,',
    "...platform, FAL_KEY: 'some:key',",
  ),
  mutant(
    70,
    'P',
    'an app is known under its own owner only',
    'emulator/fleet/apps-service.ts',
    'return named(owner) ??',
    'return named(owner); void',
  ),
  mutant(
    71,
    'P',
    'a public model is an unknown app',
    `${GATEWAY}/apps.ts`,
    'if (PUBLIC_OWNERS.has(id.owner)) {',
    'if (false) {',
  ),
  mutant(
    71,
    'P',
    'a file of the cloud is one that expired',
    `${GATEWAY}/files/cdn-service.ts`,
    'if (id === undefined) throw remoteFile(exchange);',
    "if (id === undefined) throw new HttpFailure(404, new WindtunnelError('E_FILE_GONE', 'gone'));",
  ),
];
