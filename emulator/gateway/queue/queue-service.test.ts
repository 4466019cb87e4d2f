import { existsSync, readdirSync } from 'node:fs';
import { request } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GatewayServer } from '../../../test/support/gateway-server.ts';
import { WindtunnelError } from '../../contract/index.ts';

let gw: GatewayServer;

beforeEach(async () => {
  gw = await GatewayServer.start();
  await gw.fleet.serve('local/pixels', (_req, res) => res.end());
});

afterEach(async () => {
  await gw.dispose();
  expect(gw.errors).toEqual([]);
});

const submit = async (path = '/queue/local/pixels', headers: Record<string, string> = {}): Promise<string> => {
  const answer = await gw.post(path, { n: 1 }, headers);
  expect(answer.status, answer.text).toBe(200);
  return String(answer.json.request_id);
};

describe('submit', () => {
  const BASES = [
    ['loopback path', '/queue/local/pixels', () => `${gw.url}/queue/local/pixels`],
    ['production host', 'https://queue.fal.run/me/pixels/sub', () => 'http://queue.fal.run/me/pixels'],
    ['mapped host', '/_h/queue.fal.run/local/pixels', () => `${gw.url}/_h/queue.fal.run/local/pixels`],
    ['workflows prefix', '/queue/workflows/me/pixels', () => `${gw.url}/queue/workflows/me/pixels`],
    ['comfy prefix', '/queue/comfy/me/pixels/x', () => `${gw.url}/queue/comfy/me/pixels`],
    ['backup domain', 'https://queue.falrun.com/me/pixels', () => 'http://queue.falrun.com/me/pixels'],
  ] as const;

  test.each(BASES)(
    '1, 2, 4: %s: id, state, position and URLs on the base that the caller used',
    async (_name, target, base) => {
      const answer = await gw.post(target, { n: 1 });
      expect(answer.status).toBe(200);
      const id = String(answer.json.request_id);
      expect(answer.json).toEqual({
        status: 'IN_QUEUE',
        request_id: id,
        response_url: `${base()}/requests/${id}`,
        status_url: `${base()}/requests/${id}/status`,
        cancel_url: `${base()}/requests/${id}/cancel`,
        queue_position: 0,
        gateway_request_id: id,
      });
      expect(answer.headers['x-fal-request-id']).toBe(id);
    },
  );

  test('2: a TLS caller gets https URLs', async () => {
    gw.connection = { via: 'connect', tls: true };
    const answer = await gw.post('https://queue.fal.run/me/pixels', {});
    expect(answer.json.status_url).toMatch(/^https:\/\/queue\.fal\.run\/me\/pixels\/requests\//);
  });

  test("3: the sub-path and the query that is not fal's reach the app", async () => {
    await gw.post('/queue/local/pixels/a/b?x=%20y&fal_webhook=http%3A%2F%2Flocalhost%3A1%2Fh&z', {});
    expect(gw.fleet.submits[0]).toMatchObject({
      app: 'local/pixels',
      path: '/a/b?x=%20y&z',
      method: 'POST',
      webhook: 'http://localhost:1/h',
    });
  });

  test("the platform's headers become options, and the rest reaches the app", async () => {
    await submit('/queue/local/pixels', {
      'x-fal-queue-priority': 'low',
      'x-fal-runner-hint': 'model-a',
      'x-fal-request-timeout': '30.0',
      'x-fal-no-retry': 'Yes',
      'x-fal-retry-config': '{"retries":1}',
      'x-fal-store-io': '0',
      'x-fal-tags': 'a=b',
      'x-fal-target-url': 'https://queue.fal.run/other/app',
      'x-fal-object-lifecycle-preference': '{"expiration_duration_seconds":60}',
      'x-custom': 'kept',
      'accept-encoding': 'gzip',
    });
    const [input] = gw.fleet.submits;
    expect(input).toMatchObject({
      priority: 'low',
      hint: 'model-a',
      startTimeout: 30,
      noRetry: true,
      retryConfig: '{"retries":1}',
      storeIo: false,
    });
    const names = input!.headers.map(([name]) => name);
    expect(names).toEqual(['content-type', 'x-fal-object-lifecycle-preference', 'x-custom']);
  });

  test('22: X-Fal-Request-Start-Timeout wins over X-Fal-Request-Timeout', async () => {
    await submit('/queue/local/pixels', { 'x-fal-request-timeout': '9', 'x-fal-request-start-timeout': '5' });
    expect(gw.fleet.submits[0]?.startTimeout).toBe(5);
  });

  test.each(['0', '0.1', '-1', 'soon', '', 'Infinity'])(
    '22: a start timeout of %j is 400 bad_request',
    async (value) => {
      const answer = await gw.post('/queue/local/pixels', {}, { 'x-fal-request-start-timeout': value });
      expect(answer.status).toBe(400);
      expect(answer.json.error_type).toBe('bad_request');
      expect(answer.headers['x-fal-error-type']).toBe('bad_request');
      expect(gw.fleet.submits).toEqual([]);
    },
  );

  test('23: over fal_max_queue_length is 429', async () => {
    await submit();
    await submit();
    const answer = await gw.post('/queue/local/pixels?fal_max_queue_length=1', {});
    expect(answer.status).toBe(429);
    expect(answer.headers['x-windtunnel-error']).toBe('E_LIMIT');
    expect((await gw.post('/queue/local/pixels?fal_max_queue_length=2', {})).status).toBe(200);
  });

  test.each(['fal_max_queue_length=x', 'fal_max_queue_length=-1', 'fal_webhook=ftp%3A%2F%2Fx'])(
    '%s is 400',
    async (query) => {
      expect((await gw.post(`/queue/local/pixels?${query}`, {})).status).toBe(400);
    },
  );

  test('an unknown retry config or priority is ignored', async () => {
    await submit('/queue/local/pixels', { 'x-fal-retry-config': '{oops', 'x-fal-queue-priority': 'urgent' });
    expect(gw.fleet.submits[0]).toMatchObject({ retryConfig: null, priority: 'normal' });
  });

  test('an input over 1 MiB is handed over as a file with the same bytes', async () => {
    const big = JSON.stringify({ blob: 'x'.repeat(3 * 1024 * 1024) });
    const answer = await gw.call('/queue/local/pixels', { method: 'POST', body: big });
    expect(answer.status).toBe(200);
    const body = gw.fleet.submits[0]!.body;
    expect(body).toMatchObject({ kind: 'file', size: big.length });
  });

  test('a large input that is refused, or broken off, leaves no file', async () => {
    gw.fleet.refuse = new WindtunnelError('E_LIMIT', 'The queue is full.');
    const big = 'x'.repeat(2 * 1024 * 1024);
    expect((await gw.call('/queue/local/pixels', { method: 'POST', body: big })).status).toBe(429);

    const sent = request({ host: '127.0.0.1', port: gw.port, path: '/queue/local/pixels', method: 'POST' });
    sent.on('error', () => undefined);
    sent.write(big);
    await expect.poll(() => bodyFiles()).toHaveLength(1);
    sent.destroy();
    await expect.poll(() => bodyFiles()).toEqual([]);
  });

  test('a body that stalls is 408 after its idle time, and leaves no file', async () => {
    const sent = request({ host: '127.0.0.1', port: gw.port, path: '/queue/local/pixels', method: 'POST' });
    const status = new Promise<number | undefined>((resolve) => sent.on('response', (res) => resolve(res.statusCode)));
    sent.on('error', () => undefined);
    sent.write('x'.repeat(2 * 1024 * 1024));
    await expect.poll(() => bodyFiles()).toHaveLength(1);
    let answered = false;
    status.then(() => {
      answered = true;
    });
    // The socket is real: a piece of the body that is still under way begins the idle time anew.
    await expect
      .poll(async () => {
        await gw.clock.advanceAsync(121_000);
        return answered;
      })
      .toBe(true);
    expect(await status).toBe(408);
    await expect.poll(() => bodyFiles()).toEqual([]);
    sent.destroy();
  });

  const bodyFiles = (): string[] =>
    existsSync(gw.folder) ? readdirSync(gw.folder).filter((name) => name.startsWith('body-')) : [];
});

describe('status', () => {
  test('5, 6: 202 until done, 200 after, with and without trailing slash', async () => {
    const id = await submit();
    for (const slash of ['', '/']) {
      expect((await gw.call(`/queue/local/pixels/requests/${id}/status${slash}`)).status).toBe(202);
    }
    gw.fleet.begin(id);
    expect((await gw.call(`/queue/local/pixels/requests/${id}/status`)).status).toBe(202);
    gw.fleet.complete(id, '{}');
    for (const slash of ['', '/']) {
      expect((await gw.call(`/queue/local/pixels/requests/${id}/status${slash}`)).status).toBe(200);
      expect((await gw.call(`/queue/local/pixels/requests/${id}${slash}`)).status).toBe(200);
    }
  });

  test('7: the position counts the requests ahead', async () => {
    const first = await submit();
    const second = await submit();
    expect((await gw.call(`/queue/local/pixels/requests/${second}/status`)).json.queue_position).toBe(1);
    gw.fleet.begin(first);
    expect((await gw.call(`/queue/local/pixels/requests/${second}/status`)).json.queue_position).toBe(0);
  });

  test('8: logs are null unless asked for; true and 1 mean the same', async () => {
    const id = await submit();
    gw.fleet.begin(id);
    gw.fleet.log(id, 'one');
    const status = async (query: string) => (await gw.call(`/queue/local/pixels/requests/${id}/status${query}`)).json;
    for (const query of ['', '?logs=0', '?logs=false']) expect((await status(query)).logs).toBeNull();
    const asked = await status('?logs=1');
    expect(asked.logs).toMatchObject([{ message: 'one', level: 'STDOUT', source: 'USER', labels: {} }]);
    expect(await status('?logs=true')).toEqual(asked);
    gw.fleet.complete(id, '{}');
    expect((await status('')).logs).toBeNull();
    expect((await status('?logs=true')).logs).toHaveLength(1);
  });

  test('9: COMPLETED carries metrics, and error with its type when it failed', async () => {
    const good = await submit();
    gw.fleet.complete(good, '{}');
    expect((await gw.call(`/queue/local/pixels/requests/${good}/status`)).json).toMatchObject({
      status: 'COMPLETED',
      metrics: { inference_time: 0.5 },
    });
    const bad = await submit();
    gw.fleet.complete(bad, '{"detail":"gone"}', { status: 503, error: 'gone', errorType: 'runner_disconnected' });
    expect((await gw.call(`/queue/local/pixels/requests/${bad}/status`)).json).toMatchObject({
      status: 'COMPLETED',
      error: 'gone',
      error_type: 'runner_disconnected',
    });
  });
});

describe('result', () => {
  test('12: replays status, headers and bytes, any number of times', async () => {
    const id = await submit();
    gw.fleet.complete(id, '{"detail":"no"}', {
      status: 422,
      headers: [
        ['content-type', 'application/json'],
        ['x-fal-billable-units', '0'],
        ['connection', 'close'],
        ['content-length', '999'],
        ['x-fal-stop-runner', '1'],
      ],
    });
    for (let i = 0; i < 2; i++) {
      const answer = await gw.call(`/queue/local/pixels/requests/${id}`);
      expect(answer.status).toBe(422);
      expect(answer.json).toEqual({ detail: 'no' });
      expect(answer.headers).toMatchObject({ 'x-fal-request-id': id, 'x-fal-billable-units': '0' });
      expect(answer.headers).not.toHaveProperty('x-fal-stop-runner');
    }
    expect((await gw.call(`/queue/local/pixels/sub/path/requests/${id}/response`)).status).toBe(422);
  });

  test('13: before completion it is 400, never a 2xx', async () => {
    const id = await submit();
    const answer = await gw.call(`/queue/local/pixels/requests/${id}`);
    expect(answer.status).toBe(400);
    expect(answer.json.detail).toBe('Request is still in progress');
  });

  test('38: a 3xx of the app is passed on verbatim', async () => {
    const id = await submit();
    gw.fleet.complete(id, '', { status: 307, headers: [['location', '/elsewhere']] });
    const answer = await gw.call(`/queue/local/pixels/requests/${id}`);
    expect([answer.status, answer.headers.location]).toEqual([307, '/elsewhere']);
  });

  test.each([
    ['text/html', "default-src 'self', sandbox"],
    ['application/json', "default-src 'self'"],
  ])('a result of type %s that a browser opens acts as no page of this emulator', async (type, policy) => {
    const id = await submit();
    const headers: [string, string][] = [
      ['content-type', type],
      ['content-security-policy', "default-src 'self'"],
    ];
    gw.fleet.complete(id, '"<script>1</script>"', { status: 200, headers });
    const answer = await gw.call(`/queue/local/pixels/requests/${id}`);
    expect(answer.headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'content-security-policy': policy });
  });

  test('file URLs are loopback ones for a local caller and stay for one under production names', async () => {
    const id = await submit();
    const url = `https://v3.fal.media/files/wt-${'a'.repeat(32)}/x.png`;
    gw.fleet.complete(id, JSON.stringify({ images: [{ url }], other: 'https://v3.fal.media/files/koala/y.png' }));
    const local = await gw.call(`/queue/local/pixels/requests/${id}`);
    expect(local.json).toEqual({
      images: [{ url: `${gw.url}/files/wt-${'a'.repeat(32)}/x.png` }],
      other: 'https://v3.fal.media/files/koala/y.png',
    });
    const production = await gw.call(`https://queue.fal.run/local/pixels/requests/${id}`);
    expect(production.json.images).toEqual([{ url }]);
  });

  test('34: the error type of an infrastructure failure is a header too', async () => {
    const id = await submit();
    gw.fleet.complete(id, '{"detail":"x"}', { status: 504, error: 'x', errorType: 'request_timeout' });
    expect((await gw.call(`/queue/local/pixels/requests/${id}`)).headers['x-fal-error-type']).toBe('request_timeout');
  });
});

describe('cancel', () => {
  test('15, 18: 202 while it can be, 400 afterwards', async () => {
    const id = await submit();
    const cancel = () => gw.call(`/queue/local/pixels/requests/${id}/cancel`, { method: 'PUT' });
    const first = await cancel();
    expect([first.status, first.json.status]).toEqual([202, 'CANCELLATION_REQUESTED']);
    gw.fleet.complete(id, '{}');
    const second = await cancel();
    expect([second.status, second.json.status]).toEqual([400, 'ALREADY_COMPLETED']);
  });
});

describe('unknown', () => {
  test.each([
    ['GET', '/queue/local/pixels/requests/nope/status'],
    ['GET', '/queue/local/pixels/requests/nope/status/stream'],
    ['GET', '/queue/local/pixels/requests/nope'],
    ['PUT', '/queue/local/pixels/requests/nope/cancel'],
  ])('14: %s %s is 404 NOT_FOUND', async (method, path) => {
    const answer = await gw.call(path, { method });
    expect(answer.status).toBe(404);
    expect(answer.json).toEqual({ status: 'NOT_FOUND' });
    expect(answer.headers['x-windtunnel-error']).toBe('E_UNKNOWN_REQUEST');
  });

  test('14: a request of another app is not found; the owner may differ', async () => {
    await gw.fleet.serve('local/other', (_req, res) => res.end());
    const id = await submit();
    expect((await gw.call(`/queue/local/other/requests/${id}/status`)).status).toBe(404);
    expect((await gw.call(`/queue/anyone/pixels/requests/${id}/status`)).status).toBe(202);
  });

  test('a wrong method says which is right', async () => {
    const id = await submit();
    const answer = await gw.post(`/queue/local/pixels/requests/${id}/cancel`, {});
    expect([answer.status, answer.headers.allow]).toEqual([405, 'PUT']);
    expect(answer.headers['x-windtunnel-error']).toBe('E_METHOD');
  });
});

describe('status stream', () => {
  interface Streamed {
    events: Record<string, unknown>[];
    text: () => string;
    ended: Promise<void>;
    close: () => void;
  }

  const open = (path: string): Promise<Streamed> =>
    new Promise((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port: gw.port, path, agent: false }, (res) => {
        let text = '';
        const events: Record<string, unknown>[] = [];
        res.on('error', () => undefined);
        res.on('data', (chunk: Buffer) => {
          text += chunk.toString();
          events.length = 0;
          for (const line of text.split('\n')) {
            if (line.startsWith('data: ')) events.push(JSON.parse(line.slice(6)) as Record<string, unknown>);
          }
        });
        const ended = new Promise<void>((done) => res.on('end', done));
        resolve({ events, text: () => text, ended, close: () => sent.destroy() });
      });
      sent.on('error', reject).end();
    });

  test('11: each change is an event, logs are increments, it pings and ends after COMPLETED', async () => {
    const id = await submit();
    const stream = await open(`/queue/local/pixels/requests/${id}/status/stream?logs=1`);
    await expect.poll(() => stream.events.length).toBe(1);
    gw.fleet.begin(id);
    gw.fleet.log(id, 'one');
    gw.fleet.log(id, 'two');
    await expect.poll(() => stream.events.length).toBe(4);
    await gw.clock.advanceAsync(15_000);
    await expect.poll(() => stream.text()).toContain(': ping\n\n');
    gw.fleet.complete(id, '{}');
    await stream.ended;
    expect(stream.events.map((event) => event.status)).toEqual([
      'IN_QUEUE',
      'IN_PROGRESS',
      'IN_PROGRESS',
      'IN_PROGRESS',
      'COMPLETED',
    ]);
    const lines = stream.events.flatMap((event) => (event.logs ?? []) as { message: string }[]);
    expect(lines.map((line) => line.message)).toEqual(['one', 'two']);
  });

  test('of a finished request it is one event; no timer is left behind', async () => {
    const id = await submit();
    gw.fleet.complete(id, '{}');
    const before = gw.clock.pending;
    const stream = await open(`/queue/local/pixels/requests/${id}/status/stream`);
    await stream.ended;
    expect(stream.events).toMatchObject([{ status: 'COMPLETED', logs: null }]);
    expect(gw.clock.pending).toBe(before);
  });

  test('a client that leaves ends the watch', async () => {
    const id = await submit();
    const before = gw.clock.pending;
    const stream = await open(`/queue/local/pixels/requests/${id}/status/stream`);
    expect(gw.clock.pending).toBe(before + 1);
    stream.close();
    await expect.poll(() => gw.clock.pending).toBe(before);
  });
});
