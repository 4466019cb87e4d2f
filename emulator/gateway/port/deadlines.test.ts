import { afterEach, describe, expect, it } from 'vitest';
import { DEFAULT_PORT_LIMITS } from './limits.ts';
import {
  basic,
  connectRequest,
  drain,
  exchange,
  getRequest,
  listenTcp,
  open,
  readHead,
  secure,
  startTestPort,
  type TestPort,
  until,
} from './test-support/port-harness.ts';
import { RecordingClock } from './test-support/recording-clock.ts';

const { firstByteMs, bodyIdleMs, tunnelIdleMs, lingerMs } = DEFAULT_PORT_LIMITS;
// Another number than the first-byte deadline, so that the two can be told apart.
const handshakeMs = 11_000;
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';

const POST_HALF = 'POST / HTTP/1.1\r\nHost: fal.run\r\nContent-Length: 10\r\n\r\nabc';

let current: TestPort | null = null;
let clock = new RecordingClock();
afterEach(async () => {
  await current?.port.close();
  current = null;
});
async function start(options: Parameters<typeof startTestPort>[0] = {}): Promise<TestPort> {
  clock = new RecordingClock();
  current = await startTestPort({ clock, ...options, limits: { handshakeMs, ...options.limits } });
  return current;
}
const timesAsked = (ms: number) => clock.asked.filter((asked) => asked === ms).length;

describe('deadlines', () => {
  it.each([
    ['nothing', ''],
    ['the begin of an HTTP/2 preface', 'PR'],
    ['a preface without SETTINGS', PREFACE],
  ])('%s sent: closed at the first-byte deadline', async (_, bytes) => {
    const { port, number } = await start();
    const socket = await open(number);
    if (bytes) socket.write(bytes);
    const ended = drain(socket);
    await until(() => port.connections === 1);
    clock.advance(firstByteMs - 1);
    expect(port.connections).toBe(1);
    clock.advance(1);
    await ended;
    expect(port.connections).toBe(0);
  });

  it('silence inside CONNECT and inside TLS: closed at the first-byte deadline', async () => {
    const { port, number } = await start();
    const tunnel = await open(number);
    tunnel.write(connectRequest('fal.run:443'));
    await readHead(tunnel);
    const inner = await secure(await open(number), { servername: 'fal.run' });
    await until(() => port.connections === 3 && timesAsked(firstByteMs) === 4);
    const ended = [tunnel, inner].map(drain);
    clock.advance(firstByteMs);
    await Promise.all(ended);
    await until(() => port.connections === 0);
    expect(clock.pending).toBe(0);
  });

  it('half a ClientHello: closed at the handshake deadline, not before', async () => {
    const { port, number } = await start();
    const socket = await open(number);
    socket.write(Buffer.from([0x16, 3, 1, 2]));
    await until(() => timesAsked(handshakeMs) === 1);
    clock.advance(handshakeMs - 1);
    expect(port.connections).toBe(1);
    const ended = drain(socket);
    clock.advance(1);
    await ended;
    await until(() => port.connections === 0);
  });

  it('half a request head: 408', async () => {
    const { number } = await start({ limits: { headersMs: 200 } });
    const answer = await exchange(number, 'GET / HTTP/1.1\r\nHost: fal.run\r\nX-Ha');
    expect(answer).toEqual({ text: expect.stringMatching(/^HTTP\/1\.1 408 Request Timeout\r\n/), end: 'fin' });
  });

  it('an idle kept-alive connection is closed', async () => {
    const { number } = await start({ limits: { keepAliveMs: 50 } });
    const answer = await exchange(number, getRequest('fal.run').replace('Connection: close\r\n', ''));
    expect(answer).toEqual({ text: expect.stringMatching(/^HTTP\/1\.1 200/), end: 'fin' });
  });

  it('a body that stops coming while it is read: 408', async () => {
    const { number } = await start();
    const answer = exchange(number, POST_HALF);
    await until(() => timesAsked(bodyIdleMs) === 1);
    clock.advance(bodyIdleMs * 2);
    expect(await answer).toEqual({ text: expect.stringMatching(/^HTTP\/1\.1 408 /), end: 'fin' });
  });

  it('a body that the handler leaves unread may wait', async () => {
    const read: (() => void)[] = [];
    const { number } = await start({
      onRequest: (request, response) => {
        read.push(() => request.resume().once('end', () => response.end()));
      },
    });
    const socket = await open(number);
    socket.write(POST_HALF);
    await until(() => read.length === 1);
    clock.advance(bodyIdleMs * 5);
    read[0]?.();
    socket.write('d'.repeat(7));
    expect(await readHead(socket)).toMatch(/^HTTP\/1\.1 200 /);
    socket.destroy();
  });

  it('a handler that takes its time after a whole body is not disturbed', async () => {
    const finish: (() => void)[] = [];
    const { number } = await start({
      onRequest: (request, response) => {
        request.resume().once('end', () => {
          finish.push(() => response.end('done'));
        });
      },
    });
    const answer = exchange(
      number,
      'POST / HTTP/1.1\r\nHost: fal.run\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc',
    );
    await until(() => finish.length === 1);
    clock.advance(bodyIdleMs * 10);
    finish[0]?.();
    expect((await answer).text).toMatch(/done$/);
  });

  it('a tunnel in which nothing moves is closed, one in use is not', async () => {
    const { port, number } = await start();
    const echo = await listenTcp((socket) => socket.pipe(socket));
    const socket = await open(number);
    socket.write(connectRequest(`127.0.0.1:${echo.number}`, [basic('wt', 'KEY')]));
    await readHead(socket);
    for (let i = 0; i < 3; i++) {
      const back = new Promise((resolve) => socket.once('data', resolve).resume());
      socket.write('ping');
      await back;
      clock.advance(tunnelIdleMs);
    }
    expect(port.connections).toBe(2);
    const ended = drain(socket);
    clock.advance(tunnelIdleMs);
    await ended;
    await until(() => port.connections === 0);
    echo.server.close();
  });

  it('a refused peer that goes on sending is cut', async () => {
    const { port, number } = await start();
    const socket = await open(number);
    socket.write(connectRequest('example.com:443'));
    await readHead(socket);
    const chatter = setInterval(() => socket.write('x'), 5);
    await until(() => timesAsked(lingerMs) === 1);
    expect(port.connections).toBe(1);
    clock.advance(lingerMs);
    await until(() => port.connections === 0);
    await new Promise((resolve) => socket.once('close', resolve));
    clearInterval(chatter);
  });
});

describe('FIN in each state closes at once, without any deadline', () => {
  it.each([
    ['before a byte', ''],
    ['after the begin of a preface', 'PR'],
    ['after a preface', PREFACE],
    ['in a request head', 'GET / HTTP/1.1\r\nHost: fal.run\r\nX-Ha'],
    ['in a body', 'POST / HTTP/1.1\r\nHost: fal.run\r\nContent-Length: 10\r\n\r\nabc'],
    ['in a ClientHello', '\x16\x03\x01\x02'],
    ['after CONNECT', connectRequest('fal.run:443')],
    ['after CONNECT and the begin of a ClientHello', `${connectRequest('fal.run:443')}\x16\x03\x01`],
  ])('%s', async (_, bytes) => {
    const { port, number } = await start();
    await exchange(number, Buffer.from(bytes, 'latin1'), 'fin');
    await until(() => port.connections === 0);
    expect(clock.pending).toBe(0);
  });

  it('inside TLS', async () => {
    const { port, number } = await start();
    const inner = await secure(await open(number), { servername: 'fal.run' });
    await until(() => port.connections === 2);
    inner.end();
    await until(() => port.connections === 0);
    expect(clock.pending).toBe(0);
  });
});
