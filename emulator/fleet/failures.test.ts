import { afterEach, describe, expect, it } from 'vitest';
import { type Fixture, startFleet } from '../../test/support/fleet-fixture.ts';
import { armFailpoints, type FailpointName } from '../core/failpoints.ts';

let f: Fixture;
afterEach(async () => {
  await f.fleet.dispose();
  await f.engine.dispose();
});

const outcome = async (app: Fixture['engine']['app']) => {
  f = startFleet();
  f.engine.app = app;
  await f.register({ maxConcurrency: 1 });
  const { record, body } = await f.completed(await f.submit({ noRetry: true }));
  expect(f.complaints).toEqual([]);
  return { status: record.outcome?.status, type: record.outcome?.errorType, error: record.outcome?.error, body };
};

describe('what a caller sees of a broken answer', () => {
  it('the connection closes before an answer: 503 runner_disconnected', async () => {
    expect(await outcome((_request, response) => response.destroy())).toMatchObject({
      status: 503,
      type: 'runner_disconnected',
    });
  });

  it('it closes within the answer: 502 runner_incomplete_response', async () => {
    const half: Fixture['engine']['app'] = (_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => response.destroy());
    };
    expect(await outcome(half)).toMatchObject({ status: 502, type: 'runner_incomplete_response' });
  });

  it('it is not HTTP: 502', async () => {
    const noise: Fixture['engine']['app'] = (_request, response) => response.socket?.end('SSH-2.0-OpenSSH\r\n');
    expect(await outcome(noise)).toMatchObject({ status: 502, type: 'runner_incomplete_response' });
  });

  it('the app’s own errors stay its own, described as well as can be', async () => {
    const json = { 'content-type': 'application/json' };
    const cases: [number, string, string | null, string][] = [
      [422, '{"detail":[{"msg":"field required"}]}', null, 'Invalid status code: 422'],
      [400, '{"detail":"no prompt"}', null, 'no prompt'],
      [500, 'Internal Server Error', 'runner_server_error', 'Invalid status code: 500'],
      [503, '{"detail":"CUDA out of memory","error_type":"gpu"}', 'gpu', 'CUDA out of memory'],
    ];
    for (const [status, body, type, error] of cases) {
      const seen = await outcome((_request, response) => response.writeHead(status, json).end(body));
      expect(seen).toEqual({ status, body, type, error });
      await f.fleet.dispose();
      await f.engine.dispose();
    }
  });
});

describe('a runner whose connection broke', () => {
  /** The first runner breaks its first connection and leaves the probe without an answer. */
  async function broken(): Promise<void> {
    f = startFleet();
    f.engine.app = (_request, response, runner) => {
      if (runner !== f.engine.runners[0] || runner.requests.length > 1) {
        response.writeHead(200).end(runner.id);
        return;
      }
      runner.answersProbes = false;
      response.destroy();
    };
    await f.register({ maxConcurrency: 1, keepAlive: 60 });
    expect((await f.completed(await f.submit({ noRetry: true }))).record.outcome?.status).toBe(503);
    await f.until(() => f.engine.runners[0]!.probes === 1);
  }

  it('gets nothing while it is on its way out, though its socket still accepts: a fresh one serves', async () => {
    await broken();
    const next = await f.submit({ noRetry: true });
    f.engine.runners[0]!.crash();
    const { record } = await f.completed(next);
    expect(record.outcome?.status).toBe(200);
    expect(f.engine.runners[0]!.requests).toHaveLength(1);
    expect(f.engine.runners).toHaveLength(2);
  });

  it('is kept when it accepts and is only too busy to say so', async () => {
    await broken();
    const next = await f.submit({ noRetry: true });
    await f.clock.advanceAsync(5000);
    expect((await f.completed(next)).record.outcome?.status).toBe(200);
    expect(f.engine.runners).toHaveLength(1);
  });

  it('is kept when it answers', async () => {
    f = startFleet();
    f.engine.app = (_request, response, runner) =>
      runner.requests.length === 1 ? void response.destroy() : void response.writeHead(200).end();
    await f.register({ maxConcurrency: 1, keepAlive: 60 });
    await f.completed(await f.submit({ noRetry: true }));
    expect((await f.completed(await f.submit())).record.outcome?.status).toBe(200);
    expect(f.engine.runners).toHaveLength(1);
  });

  it('without a harness it is only connected to', async () => {
    f = startFleet();
    f.engine.reportsEnds = false;
    f.engine.app = (_request, response, runner) =>
      runner.requests.length === 1 ? void response.destroy() : void response.writeHead(200).end();
    await f.register({ maxConcurrency: 1, keepAlive: 60 });
    await f.completed(await f.submit({ noRetry: true }));
    expect((await f.completed(await f.submit())).record.outcome?.status).toBe(200);
    expect(f.engine.runners[0]!.probes).toBe(0);
    expect(f.engine.runners).toHaveLength(1);
  });
});

describe('when the store fails', () => {
  it('a submit is refused and leaves nothing', async () => {
    f = startFleet();
    await f.register();
    f.store.beforeCommit = () => Promise.reject(new Error('disk full'));
    await expect(f.submit()).rejects.toThrow('disk full');
    expect([...f.store.records()]).toEqual([]);
    expect(f.engine.runners).toEqual([]);
  });

  it('a result is kept and stored once there is room again; the app is not called twice', async () => {
    f = startFleet();
    f.engine.app = (_request, response) => response.writeHead(200).end('precious');
    await f.register();
    let full = true;
    f.store.beforeCommit = (what) => (full && what === 'complete' ? Promise.reject(new Error('disk full')) : undefined);
    const record = await f.submit();
    await f.until(() => f.complaints.length === 1);
    expect(record.state).toBe('IN_PROGRESS');
    expect(f.of('emulator.notice')).toMatchObject([{ level: 'error', code: 'E_STORE', message: 'disk full' }]);
    full = false;
    await f.clock.advanceAsync(5000);
    expect((await f.completed(record)).body).toBe('precious');
    expect(f.engine.runners[0]!.requests).toHaveLength(1);
  });
});

describe('at each named moment of a request', () => {
  const fleetPoints: FailpointName[] = [
    'fleet.before-submit',
    'fleet.before-dispatch',
    'fleet.after-dispatch',
    'fleet.after-runner-answer',
    'fleet.result-acknowledged',
    'fleet.cancel-acknowledged',
  ];
  it.each(fleetPoints)('%s is passed', async (name) => {
    const passed: string[] = [];
    f = startFleet({ failpoints: { rules: null, hit: (point) => void passed.push(point) } });
    f.engine.autoReady = false;
    await f.register();
    const cancelled = await f.submit();
    await f.fleet.queue.cancel(cancelled.id);
    const record = await f.submit();
    await f.until(() => f.engine.runners.length === 1);
    f.engine.runners[0]!.becomeReady();
    await f.completed(record);
    await f.until(() => passed.includes('fleet.result-acknowledged'));
    expect(passed).toContain(name);
  });

  it('an error inside the emulator ends the request, says so, and harms no other', async () => {
    f = startFleet({ failpoints: armFailpoints([{ name: 'fleet.after-runner-answer', hit: 1, action: 'throw' }]) });
    await f.register();
    const { record } = await f.completed(await f.submit());
    expect(record.outcome).toMatchObject({ status: 500, errorType: 'internal_error' });
    expect(f.complaints).toEqual(['an attempt failed inside the emulator']);
    const next = await f.completed(await f.submit());
    expect(next.record.outcome?.status).toBe(200);
  });
});
