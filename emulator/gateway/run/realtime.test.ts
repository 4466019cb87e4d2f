import { once } from 'node:events';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { EXEC_KEY, GatewayServer } from '../../../test/support/gateway-server.ts';
import { WindtunnelError } from '../../contract/index.ts';

let gw: GatewayServer;
let app: WebSocketServer;
/** Completes the handshake of `/slow`. */
let answer: (() => void) | null;
/** What reached the app on a connection whose handshake it had refused. */
let smuggled: string[];
let seen: { url: string; headers: NodeJS.Dict<string | string[]> }[];

beforeEach(async () => {
  seen = [];
  answer = null;
  smuggled = [];
  gw = await GatewayServer.start();
  await gw.fleet.serve('local/pixels', (_req, res) => res.writeHead(404).end());
  app = new WebSocketServer({ noServer: true });
  gw.fleet.server('local/pixels').on('upgrade', (req, socket: Duplex, head: Buffer) => {
    seen.push({ url: req.url ?? '', headers: req.headers });
    // The gateway breaks off what nobody waits for any more.
    socket.on('error', () => undefined);
    if (req.url === '/refused') {
      socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno');
      return;
    }
    if (req.url === '/slow') {
      answer = () =>
        socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n');
      return;
    }
    if (req.url === '/plain') {
      // As uvicorn does where no WebSocket library is installed: an answer, and the connection stays open.
      socket.on('data', (chunk: Buffer) => smuggled.push(chunk.toString()));
      socket.write('HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno');
      return;
    }
    app.handleUpgrade(req, socket, head, (peer) => {
      peer.on('message', (data, isBinary) => peer.send(data, { binary: isBinary }));
    });
  });
});

afterEach(async () => {
  await gw.dispose();
  expect(gw.errors).toEqual([]);
});

const open = (path: string, options: { headers?: Record<string, string>; origin?: string } = {}): WebSocket => {
  const peer = new WebSocket(`ws://127.0.0.1:${gw.port}${path}`, options);
  peer.on('error', () => undefined);
  return peer;
};
const token = async (apps: string[]): Promise<string> =>
  String((await gw.post('/tokens/', { allowed_apps: apps, token_expiration: 120 })).json);

test('45: frames pass both ways as they are, text and binary, by token', async () => {
  const peer = open(`/local/pixels/realtime?fal_jwt_token=${await token(['pixels'])}&max_buffering=2`, {
    origin: 'http://localhost:3000',
  });
  const opened = once(peer, 'open');
  const [response] = (await once(peer, 'upgrade')) as [{ headers: Record<string, string> }];
  expect(response.headers['x-fal-request-id']).toBe(gw.fleet.leases[0]?.lease.requestId);
  await opened;
  for (const [sent, binary] of [
    [Buffer.from([1, 255, 0]), true],
    [Buffer.from('text'), false],
  ] as const) {
    peer.send(sent, { binary });
    const [data, isBinary] = (await once(peer, 'message')) as [Buffer, boolean];
    expect([data.equals(sent), isBinary]).toEqual([true, binary]);
  }
  expect(seen[0]?.url).toBe('/realtime?max_buffering=2');
  expect(seen[0]?.headers).toMatchObject({ 'x-wt-secret': 'secret', 'x-fal-endpoint': 'local/pixels/' });
  peer.close(1000);
  await once(peer, 'close');
  await expect.poll(() => gw.fleet.releases).toMatchObject([{ status: 101 }]);
});

test('45: by key without a token, and without either from this machine; the key is not shown to the app', async () => {
  for (const headers of [{ authorization: `Key ${EXEC_KEY}` }, {}] as Record<string, string>[]) {
    const peer = open('/run/local/pixels/ws', { headers });
    await once(peer, 'open');
    peer.terminate();
  }
  expect(seen.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
});

test("48: the app's close code arrives", async () => {
  const peer = open('/local/pixels/realtime');
  await once(peer, 'open');
  for (const client of app.clients) client.close(1000, 'idle');
  const [code, reason] = (await once(peer, 'close')) as [number, Buffer];
  expect([code, reason.toString()]).toEqual([1000, 'idle']);
});

test.each([
  ['a bad token', '?fal_jwt_token=bad', {}],
  ['a page without a token', '', { origin: 'http://localhost:3000' }],
])('49: %s gets an Unauthorized frame', async (_name, query, options) => {
  const peer = open(`/local/pixels/realtime${query}`, options);
  const [data] = (await once(peer, 'message')) as [Buffer];
  expect(JSON.parse(data.toString())).toEqual({ status: 'error', error: 'Unauthorized' });
  const [code] = (await once(peer, 'close')) as [number];
  expect(code).toBe(1000);
  expect(gw.fleet.leases).toEqual([]);
});

test('49: a token of another app, and one that has ended, get it too', async () => {
  const ended = await token(['pixels']);
  gw.clock.advance(121_000);
  for (const bad of [ended, await token(['other'])]) {
    const [data] = (await once(open(`/local/pixels/realtime?fal_jwt_token=${bad}`), 'message')) as [Buffer];
    expect(data.toString()).toContain('Unauthorized');
  }
});

test.each([
  ['a foreign page', '/local/pixels/realtime', { origin: 'https://evil.example' }, 403],
  ['a foreign host', '/local/pixels/realtime', { headers: { host: 'evil.example' } }, 421],
  ['a wrong key', '/local/pixels/realtime', { headers: { authorization: 'Key a:b' } }, 401],
  ['a public model', '/fal-ai/flux/realtime', {}, 404],
  ['an unknown app', '/me/nothing/realtime', {}, 404],
  ['a service without websockets', '/local/pixels', { headers: { host: 'queue.fal.run' } }, 501],
  ['what the app refuses', '/local/pixels/refused', {}, 403],
])('%s: the handshake is answered', async (_name, path, options, status) => {
  const [, response] = (await once(open(path, options), 'unexpected-response')) as [unknown, { statusCode: number }];
  expect(response.statusCode).toBe(status);
});

test('no slot: the handshake says why', async () => {
  gw.fleet.refuse = new WindtunnelError('E_APP_SETUP', 'setup raised.');
  const [, response] = (await once(open('/local/pixels/realtime'), 'unexpected-response')) as [
    unknown,
    { statusCode: number; headers: Record<string, string> },
  ];
  expect([response.statusCode, response.headers['x-windtunnel-error']]).toEqual([503, 'E_APP_SETUP']);
});

test('a runner that dies takes the connection with it and gives the slot back', async () => {
  const peer = open('/local/pixels/realtime');
  await once(peer, 'open');
  gw.fleet.leases[0]?.abort('runner_disconnected');
  await once(peer, 'close');
  await expect.poll(() => gw.fleet.releases.length).toBe(1);
});

test('a client that leaves while the app thinks about the handshake gives its slot back', async () => {
  const peer = open('/local/pixels/slow');
  await expect.poll(() => answer).not.toBeNull();
  peer.terminate();
  await expect.poll(() => gw.fleet.releases.length).toBe(1);
});

test('a refused handshake leads no further: what the client sends after it does not reach the runner', async () => {
  // It may find the connection closed, and reset, before it is done.
  const socket = connect(gw.port, '127.0.0.1').on('error', () => undefined);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const head = ['GET /local/pixels/plain HTTP/1.1', 'host: 127.0.0.1', 'connection: Upgrade', 'upgrade: websocket'];
  socket.write(
    [...head, 'sec-websocket-version: 13', 'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==', '', ''].join('\r\n'),
  );
  const [first] = (await once(socket, 'data')) as [Buffer];
  expect(first.toString()).toMatch(/^HTTP\/1\.1 404/);
  socket.write('GET /admin HTTP/1.1\r\nhost: runner\r\nx-fal-request-id: forged\r\n\r\n');
  await closed;
  expect(smuggled).toEqual([]);
  await expect.poll(() => gw.fleet.releases).toMatchObject([{ status: 404 }]);
});
