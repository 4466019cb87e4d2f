import { request } from 'undici';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { definition, type Fixture, startFleet } from '../../test/support/fleet-fixture.ts';
import type { AppSettings, FaultRule } from '../contract/index.ts';

let f: Fixture;

beforeEach(() => {
  f = startFleet();
});
afterEach(() => f.fleet.dispose());

async function register(rules: FaultRule[], settings: Partial<AppSettings> = {}) {
  await f.fleet.apps.register({ ...definition({ maxConcurrency: 1, ...settings }), scenario: { rules } }, 'test');
}

/** Lets time pass until the request is complete, however often it is tried. */
async function result(record: Awaited<ReturnType<Fixture['submit']>>) {
  while (record.state !== 'COMPLETED') await f.clock.advanceAsync(500);
  const { body } = await f.completed(record);
  return { status: record.outcome?.status, attempts: record.attempt, errorType: record.outcome?.errorType, body };
}

const served = () => f.engine.runners.reduce((sum, runner) => sum + runner.requests.length, 0);

describe('a queued request', () => {
  it('is answered in place of the app, by the rules for that status', async () => {
    await register([
      { fault: { kind: 'status', status: 418, body: { tea: true }, headers: { 'x-pot': '1' } }, count: 1 },
    ]);
    const record = await f.submit();
    expect(await result(record)).toMatchObject({ status: 418, attempts: 1, body: '{"tea":true}' });
    expect(record.outcome?.headers).toContainEqual(['x-pot', '1']);
    expect(served()).toBe(0);
    expect(await result(await f.submit())).toMatchObject({ status: 200 });
    expect(f.of('fault')).toMatchObject([{ request: record.id, fault: 'status' }]);
  });

  it('is tried again after 503, on a fresh runner', async () => {
    await register([{ fault: { kind: 'gpu-lost' }, count: 2 }]);
    expect(await result(await f.submit())).toMatchObject({ status: 200, attempts: 3 });
    expect(f.engine.runners).toHaveLength(3);
    expect(served()).toBe(1);
  });

  it.each(['request', 'answer'] as const)('is tried again when the connection breaks (%s)', async (at) => {
    await register([{ fault: { kind: 'drop', at }, count: 1 }]);
    expect(await result(await f.submit())).toMatchObject({ status: 200, attempts: 2 });
    const [, again] = f.of('request.state').filter(({ state }) => state === 'IN_QUEUE');
    expect(again?.reason).toContain(at === 'answer' ? 'incomplete' : 'disconnected');
  });

  it.each([
    ['kill-runner', 'crashed', null],
    ['oom', 'memory', 'E_RUNNER_MEMORY'],
  ] as const)('is tried again when its runner ends by %s', async (kind, cause, code) => {
    await register([{ fault: { kind }, count: 1 }]);
    expect(await result(await f.submit())).toMatchObject({ status: 200, attempts: 2 });
    const [exit] = f.of('runner.exit');
    expect(exit?.exit.cause).toBe(cause);
    expect(exit?.exit.error?.code ?? null).toBe(code);
    expect(f.engine.runners).toHaveLength(2);
  });

  it('is with the app until its runner is killed later', async () => {
    f.engine.app = (_request, response, runner) => {
      if (runner !== f.engine.runners[0]) response.end('{}');
    };
    await register([{ fault: { kind: 'kill-runner', after: 2 }, count: 1 }]);
    const record = await f.submit();
    await f.until(() => served() === 1);
    expect(f.engine.alive).toHaveLength(1);
    expect(await result(record)).toMatchObject({ status: 200, attempts: 2 });
  });

  it('is held back for as long as the delay says', async () => {
    await register([{ fault: { kind: 'delay', seconds: 3 } }]);
    const record = await f.submit();
    await f.until(() => record.state === 'IN_PROGRESS');
    await f.clock.advanceAsync(2900);
    expect(served()).toBe(0);
    await f.clock.advanceAsync(100);
    await f.until(() => served() === 1);
    expect(await result(record)).toMatchObject({ status: 200, attempts: 1 });
  });

  it('waits for a runner whose start is held back, against its start timeout', async () => {
    await register([{ fault: { kind: 'slow-start', seconds: 30 }, count: 1 }]);
    const late = await f.submit({ startTimeout: 10 });
    const patient = await f.submit();
    await f.clock.advanceAsync(10_000);
    expect(await result(late)).toMatchObject({ status: 504, attempts: 0 });
    expect(f.engine.runners).toHaveLength(0);
    await f.clock.advanceAsync(20_000);
    expect(await result(patient)).toMatchObject({ status: 200 });
    expect(f.of('fault')).toMatchObject([{ request: null, fault: 'slow-start' }]);
  });
});

describe('a direct call', () => {
  const lease = () =>
    f.fleet.direct.lease('local/demo', { path: '/', hint: null, signal: new AbortController().signal });

  it('meets the same faults, also at its raw stream', async () => {
    await register([{ fault: { kind: 'status', status: 418 } }]);
    const taken = await lease();
    const answer = await request('http://runner/', { dispatcher: taken.dispatcher });
    expect([answer.statusCode, await answer.body.json()]).toMatchObject([418, { detail: expect.any(String) }]);
    const stream = await taken.connect();
    stream.write('GET / HTTP/1.1\r\nhost: runner\r\n\r\n');
    const [head] = (await stream.take(1).toArray()) as Buffer[];
    expect(head?.toString()).toMatch(/^HTTP\/1.1 418/);
    taken.release({ status: 418 });
    expect(served()).toBe(0);
  });
});

describe('a scenario', () => {
  it('keeps its counts over a reload, and begins anew when it is another', async () => {
    const rules: FaultRule[] = [{ fault: { kind: 'status', status: 418 }, count: 1 }];
    await register(rules);
    expect(await result(await f.submit())).toMatchObject({ status: 418 });
    await f.fleet.apps.register({ ...definition({}, 'v2'), scenario: { rules } }, 'reload');
    expect(await result(await f.submit())).toMatchObject({ status: 200 });
    await f.fleet.apps.register({ ...definition({}, 'v3'), scenario: { seed: 2, rules } }, 'reload');
    expect(await result(await f.submit())).toMatchObject({ status: 418 });
  });

  it('goes with its app', async () => {
    await register([{ fault: { kind: 'status', status: 418 } }]);
    await f.fleet.apps.remove('local/demo');
    await f.register();
    expect(await result(await f.submit())).toMatchObject({ status: 200 });
  });
});
