import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Fixture, startFleet } from '../../test/support/fleet-fixture.ts';
import { WindtunnelError } from '../contract/index.ts';
import type { Lease } from './fleet.ts';

let f: Fixture;
beforeEach(() => {
  f = startFleet();
});
afterEach(async () => {
  await f.fleet.dispose();
  await f.engine.dispose();
  expect(f.complaints).toEqual([]);
});

const lease = (path = '/', signal = new AbortController().signal, hint: string | null = null): Promise<Lease> =>
  f.fleet.direct.lease('local/demo', { path, hint, signal });

async function call(taken: Lease, path = '/'): Promise<{ status: number; body: string }> {
  const response = await taken.dispatcher.request({
    origin: 'http://runner',
    method: 'POST',
    path,
    headers: taken.headers.flat(),
    body: '{}',
    signal: taken.signal,
  });
  return { status: response.statusCode, body: await response.body.text() };
}

describe('a direct call', () => {
  it('starts a runner, reaches it with the platform’s headers, and gives its slot back', async () => {
    f.engine.app = (_request, response) => response.writeHead(200).end('direct');
    await f.register({ maxConcurrency: 1 });
    const taken = await lease('/paint');
    expect(await call(taken, '/paint')).toEqual({ status: 200, body: 'direct' });
    expect(f.engine.runners[0]!.requests[0]!.headers).toMatchObject({
      'x-fal-request-id': taken.requestId,
      'x-fal-endpoint': 'local/demo/paint',
    });
    let second: Lease | null = null;
    const waiting = lease().then((l) => {
      second = l;
    });
    await f.clock.advanceAsync(0);
    expect(second, 'the only slot is taken').toBeNull();
    taken.release({ status: 200 });
    taken.release({ status: 200 });
    await waiting;
    expect(f.of('direct')).toMatchObject([{ request: taken.requestId, status: 200 }]);
    expect([...f.store.records()]).toEqual([]);
  });

  it('shares the slots with the queue in the order of arrival', async () => {
    await f.register({ maxConcurrency: 1 });
    const first = await lease();
    const record = await f.submit();
    const after = lease();
    first.release({ status: 200 });
    const later = await after;
    expect(record.attempt).toBe(1);
    await f.completed(record);
    later.release({ status: 200 });
  });

  it('is told why the app does not start', async () => {
    f.engine.startError = new WindtunnelError('E_APP_IMPORT', 'demo.py: ModuleNotFoundError: torch');
    await f.register();
    await expect(lease()).rejects.toMatchObject({ code: 'E_APP_IMPORT' });
    await expect(lease(), 'during the back-off too').rejects.toMatchObject({ code: 'E_APP_IMPORT' });
    await expect(
      f.fleet.direct.lease('local/none', { path: '/', hint: null, signal: new AbortController().signal }),
    ).rejects.toMatchObject({ code: 'E_UNKNOWN_APP' });
  });

  it('gives up its place when its caller goes', async () => {
    await f.register({ maxConcurrency: 1 });
    const taken = await lease();
    const caller = new AbortController();
    const waiting = lease('/', caller.signal);
    caller.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
    await expect(lease('/', AbortSignal.abort(new Error('never')))).rejects.toThrow('never');
    taken.release({ status: 200 });
    (await lease()).release({ status: 200 });
    expect(f.fleet.apps.get('local/demo')).toMatchObject({ queued: 0, running: 0 });
  });

  it('ends with its runner, and at request_timeout', async () => {
    await f.register({ requestTimeout: 10 });
    const dying = await lease();
    f.engine.runners[0]!.crash();
    await f.until(() => dying.signal.aborted);
    expect(dying.signal.reason).toBe('runner_disconnected');
    dying.release({ status: null, error: 'runner_disconnected' });
    const slow = await lease();
    await f.clock.advanceAsync(10_000);
    expect(slow.signal.reason).toBe('request_timeout');
    slow.release({ status: null, error: 'request_timeout' });
    expect(f.engine.alive).toEqual([]);
  });

  it('kills the runner that answers 503, and one that is told to stop; not one that is spared', async () => {
    await f.register({ maxConcurrency: 1 });
    (await lease()).release({ status: 503, responseHeaders: [['x-fal-stop-runner', '0']] });
    expect(f.engine.alive).toHaveLength(1);
    (await lease()).release({ status: 200, responseHeaders: [['x-fal-stop-runner', '1']] });
    await f.until(() => f.engine.alive.length === 0);
    (await lease()).release({ status: 503 });
    await f.until(() => f.engine.alive.length === 0);
    expect(f.engine.runners).toHaveLength(2);
  });

  it('learns hints from answers and routes by them', async () => {
    await f.register({ minConcurrency: 2 });
    await f.until(() => f.fleet.apps.get('local/demo')?.runners.filter((r) => r.state === 'IDLE').length === 2);
    const first = await lease();
    first.release({ status: 200, responseHeaders: [['x-fal-runner-hints', 'lora-1, lora-2']] });
    for (let i = 0; i < 3; i++) {
      const taken = await lease('/', new AbortController().signal, 'lora-2');
      expect(taken.runner).toBe(first.runner);
      taken.release({ status: 200 });
    }
  });

  it('can cancel on its runner, and hold a raw stream', async () => {
    await f.register();
    const taken = await lease('/paint');
    await taken.cancelOnRunner('/paint');
    expect(f.engine.runners[0]!.requests[0]).toMatchObject({ path: '/paint/cancel', method: 'POST' });
    const stream = await taken.connect();
    stream.write('GET / HTTP/1.1\r\nhost: r\r\nconnection: close\r\n\r\n');
    const [chunk] = await new Promise<[Buffer]>((resolve) => stream.once('data', (data: Buffer) => resolve([data])));
    expect(chunk.toString()).toContain('200 OK');
    stream.destroy();
    taken.release({ status: 200 });
  });

  it('tells when its last line was told, or can come no more', async () => {
    f.engine.tellsEnds = false;
    await f.register();
    const told: string[] = [];
    const answered = async (name: string) => {
      const taken = await lease();
      const last = taken.lastLine().then(() => told.push(name));
      await call(taken);
      taken.release({ status: 200 });
      return { requestId: taken.requestId, last };
    };
    const first = await answered('first');
    const second = await answered('second');
    await f.clock.advanceAsync(1_000);
    expect(told, 'an answer is no sign of it, nor is time').toEqual([]);
    f.engine.runners[0]!.hooks.onRequestEnd(first.requestId);
    await first.last;
    expect(told).toEqual(['first']);
    f.engine.runners[0]!.crash();
    await second.last;
  });

  it('waits for no lines of a server that tells no ends', async () => {
    f.engine.reportsEnds = false;
    await f.register();
    const taken = await lease();
    await taken.lastLine();
    taken.release({ status: 200 });
  });

  it('is refused when the emulator ends', async () => {
    await f.register({ maxConcurrency: 1 });
    await lease();
    const waiting = lease();
    waiting.catch(() => undefined);
    await f.fleet.dispose();
    await expect(waiting).rejects.toMatchObject({ code: 'E_CANCELLED' });
    await expect(lease()).rejects.toMatchObject({ code: 'E_CANCELLED' });
  });
});
