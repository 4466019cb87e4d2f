import { createFalClient, type FalClient } from '@fal-ai/client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EXEC_KEY, GatewayServer } from '../../test/support/gateway-server.ts';

let gw: GatewayServer;

beforeEach(async () => {
  gw = await GatewayServer.start();
  await gw.fleet.serve('local/pixels', (req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const input = JSON.parse(Buffer.concat(chunks).toString() || '{}') as { fail?: boolean };
      if (req.url === '/stream') {
        res.writeHead(200, { 'content-type': 'text/event-stream' });
        res.write('data: {"i":1}\n\n');
        setImmediate(() => res.end('data: {"i":2}\n\n'));
        return;
      }
      const body = input.fail
        ? { detail: [{ loc: ['body', 'n'], msg: 'Field required', type: 'missing' }] }
        : { got: input };
      res.writeHead(input.fail ? 422 : 200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
  });
});

afterEach(async () => {
  await gw.dispose();
  expect(gw.errors).toEqual([]);
});

/** Sends fal's hosts to the gateway under `/_h/<host>`. */
const mapped = (): FalClient =>
  createFalClient({
    credentials: EXEC_KEY,
    fetch: (input, init) => {
      const url = new URL(String(input));
      const target =
        url.hostname === '127.0.0.1' ? url.href : `${gw.url}/_h/${url.hostname}${url.pathname}${url.search}`;
      return fetch(target, init);
    },
  });

/** Sends everything through the proxy protocol. */
const proxied = (): FalClient =>
  createFalClient({
    proxyUrl: { url: `${gw.url}/api/fal/proxy`, when: 'always' },
  } as unknown as Parameters<typeof createFalClient>[0]);

describe.each([
  ['the fetch option', mapped],
  ['proxyUrl', proxied],
])('61: @fal-ai/client through %s', (_name, client) => {
  test('39: run', async () => {
    const result = await client().run('me/pixels', { input: { n: 1 } });
    expect(result.data).toEqual({ got: { n: 1 } });
    expect(result.requestId).toBe(gw.fleet.leases[0]?.lease.requestId);
  });

  test('1, 9, 10, 12: submit, status with logs, result', async () => {
    const fal = client();
    const { request_id: requestId, status } = await fal.queue.submit('me/pixels/sub', { input: { n: 2 } });
    expect(status).toBe('IN_QUEUE');
    await gw.fleet.work(requestId);
    gw.fleet.log(requestId, 'one');
    const done = await fal.queue.status('me/pixels', { requestId, logs: true });
    expect(done).toMatchObject({ status: 'COMPLETED', logs: [{ message: 'one' }], metrics: { inference_time: 0.5 } });
    const result = await fal.queue.result('me/pixels', { requestId });
    expect(result).toEqual({ data: { got: { n: 2 } }, requestId });
  });

  test('11: subscribe by status stream ends with the result, logs once each', async () => {
    const seen: string[] = [];
    let logs: string[] = [];
    const result = client().subscribe('me/pixels', {
      input: { n: 3 },
      mode: 'streaming',
      logs: true,
      onEnqueue: (id) => {
        setTimeout(() => {
          gw.fleet.begin(id);
          gw.fleet.log(id, 'one');
          gw.fleet.log(id, 'two');
          void gw.fleet.work(id);
        }, 20);
      },
      onQueueUpdate: (update) => {
        seen.push(update.status);
        if ('logs' in update && update.logs) logs = update.logs.map((line) => line.message);
      },
    });
    expect((await result).data).toEqual({ got: { n: 3 } });
    expect(seen.at(-1)).toBe('COMPLETED');
    expect(logs).toEqual(['one', 'two']);
  });

  test('14, 18: an unknown id and a late cancel are API errors', async () => {
    const fal = client();
    await expect(fal.queue.status('me/pixels', { requestId: 'nope' })).rejects.toMatchObject({ status: 404 });
    const { request_id: requestId } = await fal.queue.submit('me/pixels', { input: {} });
    await gw.fleet.work(requestId);
    await expect(fal.queue.cancel('me/pixels', { requestId })).rejects.toMatchObject({
      status: 400,
      body: { status: 'ALREADY_COMPLETED' },
    });
  });

  test('33: a 422 of the app is a ValidationError with its fields', async () => {
    await expect(client().run('me/pixels', { input: { fail: true } })).rejects.toMatchObject({
      name: 'ValidationError',
      status: 422,
      fieldErrors: [{ msg: 'Field required' }],
    });
  });

  test('42: stream', async () => {
    const stream = await client().stream('me/pixels', { input: {} });
    const events: unknown[] = [];
    for await (const event of stream) events.push(event);
    expect(events).toEqual([{ i: 1 }, { i: 2 }]);
    expect(await stream.done()).toEqual({ i: 2 });
  });

  test('51: a Blob in the input is uploaded and replaced by its URL', async () => {
    const result = await client().run('me/pixels', { input: { image: new Blob(['pixels'], { type: 'image/png' }) } });
    const { got } = result.data as { got: { image: string } };
    expect(got.image).toMatch(new RegExp(`^${gw.url}/files/wt-`));
    expect(await (await fetch(got.image)).text()).toBe('pixels');
  });

  test('71: a public model is an API error that names the way out, after one call', async () => {
    await expect(client().run('fal-ai/flux', { input: {} })).rejects.toMatchObject({
      status: 404,
      body: { error_type: 'public_model_not_emulated' },
    });
  });
});

test('43: client-mode streaming asks for a token and sends no key', async () => {
  const stream = await mapped().stream('me/pixels', { input: {}, connectionMode: 'client' });
  const events: unknown[] = [];
  for await (const event of stream) events.push(event);
  expect(events).toHaveLength(2);
});

describe('the proxy protocol', () => {
  const target = 'https://fal.run/me/pixels';

  test.each([
    ['no target', {}, 'POST', 400],
    ['a target that is not fal', { 'x-fal-target-url': 'https://example.com/x' }, 'POST', 412],
    ['a target that is a part not emulated', { 'x-fal-target-url': 'https://api.fal.ai/v1/models' }, 'GET', 501],
    ['a method that it does not know', { 'x-fal-target-url': target }, 'HEAD', 405],
    ['a body that is not JSON', { 'x-fal-target-url': target, 'content-type': 'text/plain' }, 'POST', 415],
  ])('%s: %j %s is %i', async (_name, headers, method, status) => {
    const answer = await gw.call('/api/fal/proxy', {
      method,
      headers: headers as Record<string, string>,
      ...(method === 'POST' ? { body: '{}' } : {}),
    });
    expect(answer.status).toBe(status);
  });

  test('62: x-fal-target-url means nothing anywhere else', async () => {
    const answer = await gw.post(
      '/local/pixels',
      { here: true },
      { 'x-fal-target-url': 'https://fal.run/fal-ai/flux' },
    );
    expect(answer.json).toEqual({ got: { here: true } });
  });

  test('a page needs no key of its own there: the proxy is what adds one', async () => {
    const headers = { 'x-fal-target-url': target, 'content-type': 'application/json' };
    const page = await gw.post('/api/fal/proxy', {}, { ...headers, origin: 'http://localhost:3000' });
    expect([page.status, page.headers['access-control-allow-origin']]).toEqual([200, 'http://localhost:3000']);
    expect((await gw.post('/api/fal/proxy', {}, { ...headers, origin: 'https://evil.example' })).status).toBe(403);
    expect((await gw.post('/api/fal/proxy', {}, { ...headers, authorization: 'Key undefined' })).status).toBe(200);
  });
});
