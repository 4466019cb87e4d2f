import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { GatewayServer } from '../../../test/support/gateway-server.ts';
import { LIMITS, WindtunnelError } from '../../contract/index.ts';

type Frame = Record<string, unknown> | string;

let gw: GatewayServer;
/** Calls that the app has not answered, by their input. */
let waiting: Map<string, ServerResponse>;
let seen: { method: string; url: string; headers: NodeJS.Dict<string | string[]>; body: string }[];

beforeEach(async () => {
  waiting = new Map();
  seen = [];
  gw = await GatewayServer.start();
  await gw.fleet.serve('local/pixels', (req, res) => void answer(req, res));
});

afterEach(async () => {
  await gw.dispose();
  expect(gw.errors).toEqual([]);
});

async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
  let body = '';
  for await (const chunk of req) body += chunk;
  seen.push({ method: req.method ?? '', url: req.url ?? '', headers: req.headers, body });
  if (body.startsWith('"wait')) waiting.set(body, res);
  else {
    const status = body === '"bad"' ? 422 : 200;
    res.writeHead(status, { 'content-type': 'application/json', 'x-fal-stop-runner': '0', 'x-own': 'kept' });
    res.end(`{"got":${body}}`);
  }
}

class Client {
  readonly frames: Frame[] = [];
  readonly peer: WebSocket;
  code: number | null = null;

  constructor(path: string, options: { headers?: Record<string, string>; origin?: string } = {}) {
    this.peer = new WebSocket(`ws://127.0.0.1:${gw.port}${path}`, options);
    this.peer.on('error', () => undefined);
    this.peer.on('close', (code) => {
      this.code = code;
    });
    this.peer.on('message', (data, isBinary) => {
      this.frames.push(isBinary ? `bytes:${data}` : JSON.parse(String(data)));
    });
  }

  static async open(path: string, options: { headers?: Record<string, string>; origin?: string } = {}) {
    const client = new Client(path, options);
    await once(client.peer, 'open');
    return client;
  }

  async ended(count: number): Promise<void> {
    await expect.poll(() => this.frames.filter((f) => typeof f === 'object' && f.type === 'end').length).toBe(count);
  }
}

test('50: a message is a POST with the message as its body; answered by start, bytes and end', async () => {
  const client = await Client.open('/ws/local/pixels/sub?a=1', { headers: { 'x-custom': 'kept', cookie: 'c=1' } });
  client.peer.send('{"n":1}');
  await client.ended(1);
  const [start, body, end] = client.frames as [Record<string, unknown>, string, Record<string, unknown>];
  const request_id = gw.fleet.leases[0]?.lease.requestId;
  expect(start).toMatchObject({ type: 'start', request_id, status: 200 });
  expect(start.headers).toMatchObject({ 'content-type': 'application/json', 'x-own': 'kept' });
  expect(start.headers, "an order to the platform is not the caller's").not.toHaveProperty('x-fal-stop-runner');
  expect(body).toBe('bytes:{"got":{"n":1}}');
  expect(end).toEqual({ type: 'end', request_id, status: 200, time_to_first_byte_seconds: expect.any(Number) });
  expect(seen).toMatchObject([{ method: 'POST', url: '/sub?a=1', body: '{"n":1}' }]);
  expect(seen[0]?.headers).toMatchObject({ 'content-type': 'application/json', 'x-custom': 'kept' });
  expect(Object.keys(seen[0]?.headers ?? {}).filter((name) => name.startsWith('sec-'))).toEqual([]);
  expect(gw.fleet.releases).toMatchObject([{ status: 200 }]);
  client.peer.close();
  await once(client.peer, 'close');
  expect(gw.fleet.cancels, 'what is answered is not cancelled').toEqual([]);
});

test('50: several messages run at once and are answered in their order', async () => {
  const client = await Client.open('/local/pixels', { headers: { host: 'ws.fal.run' } });
  for (const text of ['"wait 1"', '"bad"', '3']) client.peer.send(text);
  await expect.poll(() => seen.length).toBe(3);
  expect(client.frames).toEqual([]);
  waiting.get('"wait 1"')?.end('first');
  await client.ended(3);
  expect(client.frames.map((f) => (typeof f === 'string' ? f : `${f.type} ${f.status}`))).toEqual([
    'start 200',
    'bytes:first',
    'end 200',
    'start 422',
    'bytes:{"got":"bad"}',
    'end 422',
    'start 200',
    'bytes:{"got":3}',
    'end 200',
  ]);
  client.peer.terminate();
});

test('50: a stream arrives as it is made', async () => {
  const client = await Client.open('/ws/local/pixels');
  client.peer.send('"wait"');
  await expect.poll(() => waiting.size).toBe(1);
  waiting.get('"wait"')?.write('one');
  await expect.poll(() => client.frames.length).toBe(2);
  waiting.get('"wait"')?.end('two');
  await client.ended(1);
  expect(client.frames.filter((f) => typeof f === 'string')).toEqual(['bytes:one', 'bytes:two']);
  client.peer.terminate();
});

test('no slot: the answer says why, and the connection goes on', async () => {
  const client = await Client.open('/ws/local/pixels');
  gw.fleet.refuse = new WindtunnelError('E_APP_SETUP', 'setup raised.');
  client.peer.send('1');
  await client.ended(1);
  expect(client.frames).toMatchObject([
    { type: 'start', status: 503, headers: { 'x-windtunnel-error': 'E_APP_SETUP' } },
    expect.stringContaining('setup raised.'),
    { type: 'end', status: 503 },
  ]);
  gw.fleet.refuse = new WindtunnelError('E_LIMIT', 'too many');
  client.peer.send('2');
  await client.ended(2);
  expect(client.frames[3]).toMatchObject({ status: 429, headers: { 'x-fal-needs-retry': '1' } });
  gw.fleet.refuse = null;
  client.peer.send('3');
  await client.ended(3);
  expect(client.frames[6]).toMatchObject({ status: 200 });
  client.peer.terminate();
});

test('a runner that dies: before the answer a 503, in the middle of it the connection is cut', async () => {
  const client = await Client.open('/ws/local/pixels');
  client.peer.send('"wait"');
  await expect.poll(() => waiting.size).toBe(1);
  gw.fleet.leases[0]?.abort('runner_disconnected');
  await client.ended(1);
  expect(client.frames[0]).toMatchObject({ status: 503, headers: { 'x-fal-error-type': 'runner_disconnected' } });
  waiting.clear();
  client.peer.send('"wait"');
  await expect.poll(() => waiting.size).toBe(1);
  waiting.get('"wait"')?.write('half');
  await expect.poll(() => client.frames.length).toBe(5);
  gw.fleet.leases[1]?.abort('runner_disconnected');
  await expect.poll(() => client.code).toBe(1011);
  expect(client.frames.filter((f) => typeof f === 'object' && f.type === 'end')).toHaveLength(1);
  expect(gw.fleet.releases).toMatchObject([{ error: 'runner_disconnected' }, { error: 'runner_disconnected' }]);
});

test('a client that leaves cancels what runs, and its slots come back', async () => {
  const client = await Client.open('/ws/local/pixels/long');
  client.peer.send('"wait"');
  await expect.poll(() => waiting.size).toBe(1);
  waiting.get('"wait"')?.write('half');
  await expect.poll(() => client.frames.length).toBe(2);
  client.peer.terminate();
  await expect.poll(() => gw.fleet.cancels).toMatchObject([{ path: '/long' }]);
  waiting.get('"wait"')?.write('more');
  await expect.poll(() => gw.fleet.releases).toMatchObject([{ error: 'client_disconnected' }]);
});

test('a client that leaves while it waits for a slot takes none', async () => {
  gw.fleet.gate = new Promise(() => undefined);
  const client = await Client.open('/ws/local/pixels');
  client.peer.send('1');
  client.peer.close();
  await once(client.peer, 'close');
  expect([gw.fleet.leases, seen]).toEqual([[], []]);
});

test('past the limits: messages wait on the wire, a large one is refused', async () => {
  const client = await Client.open('/ws/local/pixels');
  // Several fit in no chunk that is read at once, so that what is held back is seen.
  const pad = 'x'.repeat(20_000);
  for (let n = 0; n < 150; n++) client.peer.send(`"wait ${n} ${pad}"`);
  await expect.poll(() => waiting.size).toBeGreaterThanOrEqual(LIMITS.wsCallsInFlight);
  expect(gw.fleet.leases.length).toBeLessThan(100);
  await expect
    .poll(() => {
      for (const [, res] of waiting) if (!res.writableEnded) res.end('ok');
      return client.frames.filter((f) => typeof f === 'object' && f.type === 'end').length;
    })
    .toBe(150);
  client.peer.send(Buffer.alloc(LIMITS.wsMessageBytes + 1));
  await expect.poll(() => client.code).toBe(1009);
});

test.each([
  ['a bad token', '?fal_jwt_token=bad', {}],
  ['a page without a token', '', { origin: 'http://localhost:3000' }],
])('%s gets an Unauthorized frame', async (_name, query, options) => {
  const client = new Client(`/ws/local/pixels${query}`, options);
  await once(client.peer, 'close');
  expect(client.frames).toEqual([{ status: 'error', error: 'Unauthorized' }]);
});

test('a token of the app opens it; a plain call is told to connect', async () => {
  const token = String((await gw.post('/tokens/', { allowed_apps: ['pixels'], token_expiration: 60 })).json);
  const client = await Client.open(`/ws/local/pixels?fal_jwt_token=${token}`, { origin: 'http://localhost:3000' });
  client.peer.send('1');
  await client.ended(1);
  expect(seen[0]?.url, 'the app does not see the token').toBe('/');
  client.peer.terminate();
  const plain = await gw.post('/ws/local/pixels', {});
  expect([plain.status, plain.headers.upgrade]).toEqual([426, 'websocket']);
  expect(plain.json.hint).toContain('wss://');
});
