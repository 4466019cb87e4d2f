import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, get, request as httpRequest } from 'node:http';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import type { Duplex } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import {
  drain,
  exchange,
  getRequest,
  open,
  readHead,
  secure,
  startTestPort,
  type TestPort,
} from './test-support/port-harness.ts';

let current: TestPort | null = null;
afterEach(async () => {
  await current?.port.close();
  current = null;
});
async function start(...options: Parameters<typeof startTestPort>): Promise<TestPort> {
  current = await startTestPort(...options);
  return current;
}

const statusLine = (text: string) => text.split('\r\n')[0];
const bodyOf = (text: string): unknown => JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4));
const UPGRADE = [
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
];

describe('one port', () => {
  it('serves plain HTTP by address and by localhost', async () => {
    const { port, number } = await start();
    const answer = await exchange(number, getRequest(`localhost:${number}`));
    expect(bodyOf(answer.text)).toEqual({
      path: '/seen',
      host: `localhost:${number}`,
      bytes: 0,
      proxyHeaders: [],
      via: 'direct',
      tls: false,
    });
    expect(port.address).toEqual({ host: '127.0.0.1', port: number, url: `http://127.0.0.1:${number}` });
  });

  it('serves a request that arrives one byte at a time', async () => {
    const { number } = await start();
    const socket = await open(number);
    socket.setNoDelay();
    const head = readHead(socket);
    for (const byte of getRequest('fal.run')) {
      socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(statusLine(await head)).toBe('HTTP/1.1 200 OK');
    socket.destroy();
  });

  it('serves TLS under fal names and by address', async () => {
    const { number } = await start();
    for (const options of [{ servername: 'queue.fal.run' }, { host: '127.0.0.1' }]) {
      const inner = await secure(await open(number), options);
      inner.write(getRequest('queue.fal.run'));
      const text = await readHead(inner);
      expect(statusLine(text)).toBe('HTTP/1.1 200 OK');
      inner.destroy();
    }
  });

  it('serves WebSocket handshakes, plain and inside TLS, and no other upgrade', async () => {
    const { number } = await start();
    const handshake = `GET /ws HTTP/1.1\r\nHost: fal.run\r\n${UPGRADE.join('\r\n')}\r\n\r\n`;
    expect(statusLine((await exchange(number, handshake)).text)).toBe('HTTP/1.1 101 Switching Protocols');
    const inner = await secure(await open(number), { servername: 'fal.run' });
    inner.write(handshake);
    expect(statusLine(await readHead(inner))).toBe('HTTP/1.1 101 Switching Protocols');
    inner.destroy();
    const offer = 'Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__';
    const h2c = getRequest('fal.run').replace('Connection: close', `${offer}\r\nContent-Length: 5`);
    const socket = await open(number);
    socket.write(`${h2c}he`);
    socket.write('llo');
    expect(bodyOf((await drain(socket)).text)).toMatchObject({ path: '/seen', bytes: 5 });
  });

  it('keeps one connection for many requests', async () => {
    const { number } = await start();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const sockets = new Set<unknown>();
    for (let i = 0; i < 200; i++) {
      await new Promise<void>((resolve, reject) => {
        get({ port: number, host: '127.0.0.1', agent }, (answer) => {
          sockets.add(answer.socket);
          answer.resume().once('end', resolve);
        }).once('error', reject);
      });
    }
    agent.destroy();
    expect(sockets.size).toBe(1);
  });

  it('takes a large body whole', async () => {
    const { number } = await start();
    const size = 32 * 1024 * 1024;
    const answer = await new Promise<string>((resolve, reject) => {
      const request = httpRequest({ port: number, host: '127.0.0.1', method: 'POST' }, (response) => {
        response.setEncoding('utf8').once('data', resolve);
      });
      request.once('error', reject).end(Buffer.alloc(size, 1));
    });
    expect(JSON.parse(answer)).toMatchObject({ bytes: size });
  });

  it('lets a client stop sending before the answer', async () => {
    const { number } = await start();
    expect(statusLine((await exchange(number, getRequest('fal.run'), 'fin')).text)).toBe('HTTP/1.1 200 OK');
  });

  it.each([
    ['15 KB of headers', 15, 'HTTP/1.1 200 OK'],
    ['17 KB of headers', 17, 'HTTP/1.1 431 Request Header Fields Too Large'],
  ])('%s', async (_, kib, expected) => {
    const { number } = await start();
    const answer = await exchange(number, getRequest('fal.run', '/', [`X-Long: ${'a'.repeat(kib * 1024)}`]));
    expect(statusLine(answer.text)).toBe(expected);
    expect(answer.end).toBe('fin');
  });

  it.each([
    ['a foreign host', getRequest('evil.example'), 'HTTP/1.1 421 Misdirected Request'],
    ['a host that only ends like fal', getRequest('fal.run.evil.example'), 'HTTP/1.1 421 Misdirected Request'],
    [
      'a foreign host for a WebSocket',
      `GET / HTTP/1.1\r\nHost: evil.example\r\n${UPGRADE.join('\r\n')}\r\n\r\n`,
      'HTTP/1.1 421 E_FOREIGN_HOST',
    ],
    ['no host at all', 'GET / HTTP/1.0\r\n\r\n', 'HTTP/1.1 400 Bad Request'],
    ['a target that is no path', 'OPTIONS * HTTP/1.1\r\nHost: fal.run\r\n\r\n', 'HTTP/1.1 400 Bad Request'],
    ['something that only looks like HTTP', 'HELO there\r\n\r\n', 'HTTP/1.1 400 Bad Request'],
  ])('refuses %s', async (_, bytes, expected) => {
    const { number } = await start();
    const answer = await exchange(number, bytes);
    expect(statusLine(answer.text)).toBe(expected);
    expect(answer.end).toBe('fin');
  });

  it('names the program that holds the port', async () => {
    const { number } = await start();
    await expect(startTestPort({}, number)).rejects.toMatchObject({
      code: 'E_PORT_TAKEN',
      message: expect.stringMatching(
        process.platform === 'linux' ? new RegExp(`\\(pid ${process.pid}\\)`) : /is used by/,
      ),
    });
  });

  it('closes every connection with the port, one in the middle of a request too', async () => {
    const { port, number } = await start();
    const socket = await open(number);
    socket.write('POST / HTTP/1.1\r\nHost: fal.run\r\nContent-Length: 100\r\n\r\nabc');
    const inner = await secure(await open(number), { servername: 'fal.run' });
    const ended = [socket, inner].map(drain);
    await port.close();
    await Promise.all(ended);
    expect(port.connections).toBe(0);
    await expect(open(number)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('TLS', () => {
  const alpn = async (number: number, options: ConnectionOptions) => {
    const inner = await secure(await open(number), { servername: 'api.fal.ai', ...options });
    const chosen = (inner as Duplex & { alpnProtocol: string | false }).alpnProtocol;
    inner.destroy();
    return chosen;
  };

  it('speaks HTTP/1.1 with all who can, HTTP/2 with those who can nothing else', async () => {
    const { number } = await start({ onHttp2: (stream) => stream.destroy() });
    expect(await alpn(number, { ALPNProtocols: ['h2', 'http/1.1'] })).toBe('http/1.1');
    expect(await alpn(number, { ALPNProtocols: ['http/1.1'] })).toBe('http/1.1');
    expect(await alpn(number, {})).toBe(false);
    expect(await alpn(number, { ALPNProtocols: ['h2'] })).toBe('h2');
    await expect(alpn(number, { ALPNProtocols: ['spdy/3'] })).rejects.toMatchObject({
      code: expect.stringContaining('NO_APPLICATION_PROTOCOL'),
    });
  });

  it('refuses a server name that is not served, and says so in the log', async () => {
    const { number, logged } = await start();
    await expect(secure(await open(number), { servername: 'example.com' })).rejects.toThrow();
    expect(logged).toContain('A TLS handshake failed');
  });

  it('tells a client that does not trust the CA apart in the log', async () => {
    const { number, logged } = await start();
    // Node checks the chain after the handshake and sends no alert; OpenSSL's own client does, as curl and Python do.
    const client = spawn('openssl', ['s_client', '-connect', `127.0.0.1:${number}`, '-verify_return_error'], {
      stdio: ['ignore', 'ignore', 'ignore'],
    });
    await once(client, 'exit');
    await expect
      .poll(() => logged)
      .toContain("A TLS client does not trust the emulator's certificate: start it with `windtunnel exec`");
  });

  it('closes TLS inside TLS', async () => {
    const { number } = await start();
    const inner = await secure(await open(number), { servername: 'fal.run' });
    await expect(secure(inner, { servername: 'fal.run' })).rejects.toThrow();
  });
});

describe("HTTP/2, gRPC's seat", () => {
  const session = (number: number): Promise<[ClientHttp2Session, number | null]> =>
    new Promise((resolve) => {
      const client = connectHttp2(`http://127.0.0.1:${number}`);
      let code: number | null = null;
      client.once('goaway', (sent) => {
        code = sent;
      });
      client.once('error', () => undefined);
      client.once('close', () => resolve([client, code]));
    });

  it('is told by GOAWAY that nobody sits there yet', async () => {
    const { number, logged } = await start();
    const [, code] = await session(number);
    expect(code).toBe(0x0d);
    expect(logged).toContain('HTTP/2 connection refused: gRPC is not served');
    await expect(secure(await open(number), { servername: 'api.fal.ai', ALPNProtocols: ['h2'] })).rejects.toMatchObject(
      {
        code: expect.stringContaining('NO_APPLICATION_PROTOCOL'),
      },
    );
  });

  it('hands the connection over with not a byte consumed, plain and decrypted', async () => {
    const opening = Buffer.concat([
      Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
      Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
    ]);
    const taken: [string, string | undefined, boolean][] = [];
    const { number } = await start({
      onHttp2: (stream, context) => {
        taken.push([(stream.read() as Buffer).toString('hex'), context.sni, stream.allowHalfOpen]);
        stream.end();
      },
    });
    await exchange(number, opening);
    const inner = await secure(await open(number), { servername: 'api.fal.ai', ALPNProtocols: ['h2'] });
    inner.write(opening);
    await drain(inner);
    expect(taken).toEqual([
      [opening.toString('hex'), undefined, false],
      [opening.toString('hex'), 'api.fal.ai', false],
    ]);
  });
});

describe('the version of TLS', () => {
  it('is 1.2, also for a client that offers 1.3, so that nothing comes unasked after the handshake', async () => {
    const { number } = await start();
    const inner = await secure(await open(number), { servername: 'fal.run', maxVersion: 'TLSv1.3' });
    expect(inner.getProtocol()).toBe('TLSv1.2');
    inner.destroy();
  });

  it('is told to a client that offers another alone', async () => {
    const { number, logged } = await start();
    const refused = secure(await open(number), { servername: 'fal.run', minVersion: 'TLSv1.3' });
    await expect(refused).rejects.toMatchObject({ code: expect.stringContaining('PROTOCOL_VERSION') });
    expect(logged).toContain('A TLS client was refused: it does not offer TLS 1.2');
  });
});

describe('a large TLS upload through CONNECT', () => {
  it('arrives whole', async () => {
    const { number } = await start();
    const socket = await open(number);
    socket.write('CONNECT v3.fal.media:443 HTTP/1.1\r\nHost: v3.fal.media:443\r\n\r\n');
    await readHead(socket);
    const inner = await secure(socket, { servername: 'v3.fal.media' });
    const body = randomBytes(8 * 1024 * 1024);
    inner.write(`POST /files/upload HTTP/1.1\r\nHost: v3.fal.media\r\nContent-Length: ${body.length}\r\n\r\n`);
    inner.write(body);
    const text = await readHead(inner);
    expect(bodyOf(text)).toMatchObject({ bytes: body.length, via: 'connect', tls: true, sni: 'v3.fal.media' });
    inner.destroy();
  });
});
