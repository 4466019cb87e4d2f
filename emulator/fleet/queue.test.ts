import { writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Fixture, startFleet } from '../../test/support/fleet-fixture.ts';
import { MemoryStore } from '../../test/support/memory-store.ts';
import type { RequestChange } from './fleet.ts';

let f: Fixture;
beforeEach(() => {
  f = startFleet();
});
afterEach(async () => {
  await f.fleet.dispose();
  await f.engine.dispose();
  f.store.dispose();
  expect(f.complaints).toEqual([]);
});

const header = (list: [string, string][] | undefined, name: string) => list?.find(([n]) => n === name)?.[1];

describe('a queued request', () => {
  it('starts a runner, reaches the app as it was sent, and ends with the answer as it came', async () => {
    f.engine.app = (_request, response) =>
      response.writeHead(201, { 'content-type': 'text/plain', 'x-custom': 'kept' }).end('hello');
    await f.register();
    const submitted = await f.submit({
      path: '/run?x=1',
      headers: [
        ['x-mine', 'yes'],
        ['content-type', 'text/csv'],
      ],
    });
    expect(submitted.state).toBe('IN_QUEUE');
    const { record, body } = await f.completed(submitted);
    expect(body).toBe('hello');
    expect(record.outcome).toMatchObject({ status: 201, resultBytes: 5, error: null, errorType: null });
    expect(header(record.outcome?.headers, 'x-custom')).toBe('kept');
    const [request] = f.engine.runners[0]!.requests;
    expect(request).toMatchObject({ method: 'POST', path: '/run?x=1' });
    expect(request?.body.toString()).toBe('{"x":1}');
    expect(request?.headers).toMatchObject({
      'x-mine': 'yes',
      'content-type': 'text/csv',
      'x-fal-request-id': record.id,
      'x-fal-endpoint': 'local/demo/run',
      'x-fal-caller-user-id': 'local',
      'x-fal-object-lifecycle-preference': '{}',
      'x-wt-secret': f.engine.runners[0]!.spec.secret,
    });
  });

  it('keeps the platform to itself: its headers in neither direction', async () => {
    f.engine.app = (_request, response) =>
      response
        .writeHead(200, { 'x-fal-stop-runner': '0', 'x-fal-needs-retry': '0', 'x-fal-billable-units': '3' })
        .end();
    await f.register();
    const headers: [string, string][] = [
      ['x-fal-no-retry', '1'],
      ['x-fal-request-id', 'forged'],
      ['authorization', 'Key a:b'],
      ['x-fal-object-lifecycle-preference', '{"expiration_duration_seconds":9}'],
    ];
    const { record } = await f.completed(await f.submit({ headers }));
    const seen = f.engine.runners[0]!.requests[0]!.headers;
    expect(seen['x-fal-no-retry']).toBeUndefined();
    expect(seen.authorization).toBeUndefined();
    expect(seen['x-fal-request-id']).toBe(record.id);
    expect(seen['x-fal-object-lifecycle-preference']).toBe('{"expiration_duration_seconds":9}');
    const names = record.outcome?.headers.map(([name]) => name);
    expect(names).toContain('x-fal-billable-units');
    expect(names).not.toContain('x-fal-stop-runner');
    expect(names).not.toContain('x-fal-needs-retry');
  });

  it('sends inputs from files and takes large results into files', async () => {
    const big = Buffer.alloc(3_000_000, 'ab');
    const file = f.store.newBodyFile();
    writeFileSync(file, big);
    f.engine.app = (request, response) => response.writeHead(200).end(request.body);
    await f.register();
    const { record } = await f.completed(await f.submit({ body: { kind: 'file', path: file, size: big.length } }));
    expect(f.engine.runners[0]!.requests[0]!.headers['content-length']).toBe('3000000');
    const result = await f.fleet.queue.result(record.id);
    expect(result?.kind === 'file' && (await readFile(result.path)).equals(big)).toBe(true);
  });

  it('is refused over fal_max_queue_length, and for an app that is not here', async () => {
    f.engine.autoReady = false;
    await f.register();
    await f.submit();
    await f.submit();
    await expect(f.submit({ maxQueueLength: 1 })).rejects.toMatchObject({ code: 'E_LIMIT' });
    await expect(f.submit({ maxQueueLength: 2 })).resolves.toMatchObject({ state: 'IN_QUEUE' });
    await expect(f.submit({ app: 'local/other' })).rejects.toMatchObject({ code: 'E_UNKNOWN_APP' });
  });

  it('is refused when the inputs that wait are too large together, until one of them is done', async () => {
    f.engine.autoReady = false;
    await f.register();
    const huge = { body: { kind: 'file', path: '/none', size: 3 * 1024 ** 3 } } as const;
    const first = await f.submit(huge);
    await expect(f.submit(huge)).rejects.toMatchObject({ code: 'E_LIMIT' });
    await f.fleet.queue.cancel(first.id);
    await expect(f.submit(huge)).resolves.toMatchObject({ state: 'IN_QUEUE' });
  });

  it('is kept 30 days, without payload storage an hour, or six minutes from 10 KB on', async () => {
    await f.register();
    const kept = async (storeIo: boolean, size: number) => {
      f.engine.app = (_request, response) => response.writeHead(200).end(Buffer.alloc(size));
      const { record } = await f.completed(await f.submit({ storeIo }));
      return (record.outcome!.expiresAt - record.completedAt!) / 60_000;
    };
    expect(await kept(true, 20_000)).toBe(30 * 24 * 60);
    expect(await kept(false, 10_239)).toBe(60);
    expect(await kept(false, 10_240)).toBe(6);
    await f.clock.advanceAsync(8 * 60_000);
    expect([...f.store.records()]).toHaveLength(2);
  });
});

describe('when a runner fails its request', () => {
  it('runs it again on a fresh one after a crash, with an attempt id of its own', async () => {
    const ids: unknown[] = [];
    f.engine.app = (request, response, runner) => {
      ids.push(request.headers['x-fal-request-id']);
      if (ids.length === 1) runner.crash();
      else response.writeHead(200).end('again');
    };
    await f.register();
    const record = await f.submit();
    await f.until(() => f.engine.runners.length === 2);
    await f.clock.advanceAsync(1000);
    expect((await f.completed(record)).body).toBe('again');
    expect(ids).toEqual([record.id, record.gatewayRequestId]);
    expect(record).toMatchObject({ attempt: 2, retriesSpent: { server_error: 1 } });
    const states = f.of('request.state').map((event) => event.state);
    expect(states).toEqual(['IN_QUEUE', 'IN_PROGRESS', 'IN_QUEUE', 'IN_PROGRESS', 'COMPLETED']);
  });

  it('ends as fal words it when the caller wants no retry', async () => {
    f.engine.app = (_request, _response, runner) => runner.crash();
    await f.register();
    const { record, body } = await f.completed(await f.submit({ noRetry: true }));
    expect(JSON.parse(body)).toMatchObject({ error_type: 'runner_disconnected' });
    expect(record.outcome).toMatchObject({ status: 503, errorType: 'runner_disconnected' });
    expect(header(record.outcome?.headers, 'x-fal-error-type')).toBe('runner_disconnected');
  });

  it('replaces the runner that answered 503 and tries ten times in all', async () => {
    f.engine.app = (_request, response) =>
      response.writeHead(503, { 'content-type': 'application/json' }).end('{"detail":"gpu"}');
    await f.register({ maxConcurrency: 1 });
    const record = await f.submit();
    for (let i = 0; i < 60 && record.state !== 'COMPLETED'; i++) {
      await f.until(() => record.state !== 'IN_PROGRESS');
      await f.clock.advanceAsync(500);
    }
    const { body } = await f.completed(record);
    expect(body).toBe('{"detail":"gpu"}');
    expect(record.outcome).toMatchObject({ status: 503, error: 'gpu', errorType: 'runner_server_error' });
    expect(f.engine.runners.map((runner) => runner.requests.length)).toEqual(new Array(10).fill(1));
  });

  it('ends with 504 when it runs over request_timeout, and stops the runner', async () => {
    f.engine.app = () => undefined;
    await f.register({ requestTimeout: 30, skipRetryConditions: ['timeout'] });
    const record = await f.submit();
    await f.until(() => f.engine.runners[0]?.requests.length === 1);
    await f.clock.advanceAsync(30_000);
    const { body } = await f.completed(record);
    expect(JSON.parse(body)).toMatchObject({ error_type: 'request_timeout' });
    expect(record.outcome?.status).toBe(504);
    expect(f.engine.alive).toEqual([]);
  });

  it('ends a request that waited past its start timeout, without touching the runner', async () => {
    f.engine.app = () => undefined;
    await f.register({ maxConcurrency: 1 });
    await f.submit();
    const late = await f.submit({ startTimeout: 3 });
    await f.until(() => f.engine.runners[0]?.requests.length === 1);
    await f.clock.advanceAsync(3000);
    const { record } = await f.completed(late);
    expect(record.outcome?.status).toBe(504);
    expect(header(record.outcome?.headers, 'x-fal-request-timeout-type')).toBe('user');
    expect(f.engine.runners[0]!.requests).toHaveLength(1);
    expect(f.engine.alive).toHaveLength(1);
  });
});

describe('cancel', () => {
  it('ends a queued request at once; the app is never called', async () => {
    f.engine.autoReady = false;
    await f.register();
    const record = await f.submit();
    await expect(f.fleet.queue.cancel(record.id)).resolves.toBe('CANCELLATION_REQUESTED');
    expect(record).toMatchObject({ state: 'COMPLETED', outcome: { status: 499, errorType: 'client_cancelled' } });
    await expect(f.fleet.queue.cancel(record.id)).resolves.toBe('ALREADY_COMPLETED');
    await expect(f.fleet.queue.cancel('nobody')).resolves.toBe('NOT_FOUND');
  });

  it('tells the app of a running one, by the same request id, and takes its 499', async () => {
    const open: (() => void)[] = [];
    f.engine.app = (request, response) => {
      if (request.path !== '/paint/cancel') {
        open.push(() => response.writeHead(499).end());
        return;
      }
      response.writeHead(200).end();
      for (const end of open) end();
    };
    await f.register();
    const record = await f.submit({ path: '/paint?big=1' });
    await f.until(() => open.length === 1);
    await expect(f.fleet.queue.cancel(record.id)).resolves.toBe('CANCELLATION_REQUESTED');
    await f.completed(record);
    expect(record.outcome).toMatchObject({ status: 499, errorType: 'client_cancelled' });
    const ids = f.engine.runners[0]!.requests.map((request) => request.headers['x-fal-request-id']);
    expect(ids).toEqual([record.id, record.id]);
  });

  it('lets a running one finish when the app has no such route', async () => {
    const open: (() => void)[] = [];
    f.engine.app = (request, response) => {
      if (request.path.endsWith('/cancel')) response.writeHead(404).end();
      else open.push(() => response.writeHead(200).end('done'));
    };
    await f.register();
    const record = await f.submit();
    await f.until(() => open.length === 1);
    await f.fleet.queue.cancel(record.id);
    await f.until(() => f.engine.runners[0]!.requests.length === 2);
    open[0]!();
    expect((await f.completed(record)).body).toBe('done');
  });
});

describe('those who watch a request', () => {
  it('see each state, the position as it moves, and each log line once', async () => {
    const open: (() => void)[] = [];
    f.engine.app = (request, response, runner) => {
      const id = String(request.headers['x-fal-request-id']);
      runner.hooks.onLog({ request: id, level: 'INFO', message: 'the token is hunter22', at: f.clock.now() });
      open.push(() => response.writeHead(200).end());
    };
    await f.register({ maxConcurrency: 1 });
    await f.submit();
    await f.until(() => open.length === 1);
    const ahead = await f.submit();
    const record = await f.submit();
    const seen: string[] = [];
    const lines: string[] = [];
    const watch = f.fleet.queue.watch(record.id, ({ record: r, logs }: RequestChange) => {
      seen.push(r.state === 'IN_QUEUE' ? `IN_QUEUE ${f.fleet.queue.position(r)}` : r.state);
      lines.push(...logs.map((line) => line.message));
    });
    open[0]!();
    await f.until(() => open.length === 2);
    await f.clock.advanceAsync(100);
    open[1]!();
    await f.completed(ahead);
    await f.until(() => open.length === 3);
    open[2]!();
    await f.completed(record);
    await f.until(() => seen.at(-1) === 'COMPLETED');
    watch.dispose();
    expect([...new Set(seen)]).toEqual(['IN_QUEUE 1', 'IN_QUEUE 0', 'IN_PROGRESS', 'COMPLETED']);
    expect(lines).toEqual(['the token is [secret]']);
    expect(await f.fleet.queue.logs(record.id)).toMatchObject([{ level: 'INFO', source: 'USER' }]);
  });
});

describe('a restart', () => {
  it('keeps what waited, runs again what ran, and remembers what was done', async () => {
    const store = new MemoryStore();
    const first = startFleet({ store });
    await first.register({ maxConcurrency: 1 });
    const done = await first.submit();
    await first.completed(done);
    first.engine.app = () => undefined;
    const ran = await first.submit();
    const waited = await first.submit();
    await first.until(() => first.engine.runners[0]?.requests.length === 2);
    await first.fleet.dispose();
    expect(first.engine.alive).toEqual([]);
    expect(first.clock.pending, 'timers left').toBe(0);
    await first.engine.dispose();
    expect([done.state, ran.state, waited.state]).toEqual(['COMPLETED', 'IN_PROGRESS', 'IN_QUEUE']);

    const second = startFleet({ store });
    expect([ran.state, waited.state]).toEqual(['IN_QUEUE', 'IN_QUEUE']);
    expect(second.fleet.queue.get(done.id)?.state).toBe('COMPLETED');
    expect(second.engine.runners).toEqual([]);
    await second.register({ maxConcurrency: 1 });
    await second.completed(ran);
    await second.completed(waited);
    expect([ran.attempt, waited.attempt]).toEqual([2, 1]);
    expect(store.completed).toEqual([done.id, ran.id, waited.id]);
    await second.fleet.dispose();
    await second.engine.dispose();
  });
});
