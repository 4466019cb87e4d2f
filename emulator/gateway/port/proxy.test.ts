import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { PortOptions } from './port.ts';
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
import { routeFromEnv } from './upstream.ts';

const disposers: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const dispose of disposers.splice(0)) await dispose();
});
async function start(options: Partial<PortOptions> = {}): Promise<TestPort> {
  const port = await startTestPort(options);
  disposers.push(() => port.port.close());
  return port;
}
const statusLine = (text: string) => text.split('\r\n')[0];
const bodyOf = (text: string) => JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4)) as Record<string, unknown>;

/** A web server that answers with what it was asked. */
async function startOutside(): Promise<number> {
  const server = createServer((request, response) => {
    const body = JSON.stringify({ outside: true, url: request.url, headers: request.headers });
    response.writeHead(200, { 'content-length': Buffer.byteLength(body) }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  disposers.push(() => new Promise((resolve) => server.close(resolve)));
  return (server.address() as AddressInfo).port;
}

interface CompanyProxy {
  url: string;
  /** Method, target and Proxy-Authorization of each request. */
  seen: [string, string, string | undefined][];
}

/** A small real proxy with a password, which alone knows the host `outside.corp`. */
async function startCompanyProxy(outside: number): Promise<CompanyProxy> {
  const seen: CompanyProxy['seen'] = [];
  const expected = `Basic ${Buffer.from('corp:p@ss').toString('base64')}`;
  const server: Server = createServer((request, response) => {
    seen.push(['GET', request.url ?? '', request.headers['proxy-authorization']]);
    const { pathname } = new URL(request.url ?? '');
    const inner = httpRequest({ port: outside, path: pathname, headers: request.headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    inner.end();
  }).on('connect', async (request, socket: Socket, head: Buffer) => {
    socket.on('error', () => undefined);
    seen.push(['CONNECT', request.url ?? '', request.headers['proxy-authorization']]);
    if (request.headers['proxy-authorization'] !== expected) return socket.end('HTTP/1.1 407 No\r\n\r\n');
    const target = await open(outside);
    socket.write('HTTP/1.1 200 OK\r\nX-Proxy: corp\r\n\r\n');
    target.write(head);
    target.on('error', () => socket.destroy()).pipe(socket);
    socket.on('error', () => target.destroy()).pipe(target);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  disposers.push(() => server.close());
  return { url: `http://corp:p%40ss@127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

const grantFor = (env: Record<string, string>): Partial<PortOptions> => ({
  authorizeProxy: (_user, password) => (password === 'KEY' ? { id: 'exec-1', route: routeFromEnv(env) } : null),
});

describe('CONNECT', () => {
  it('to a fal host is served here: TLS inside, credentials known but not needed', async () => {
    const { number } = await start();
    for (const [headers, grant] of [
      [[basic('wt', 'KEY')], 'exec-1'],
      [[basic('wt', 'wrong')], undefined],
      [[], undefined],
    ] as const) {
      const socket = await open(number);
      socket.write(connectRequest('Queue.Fal.Run.:443', headers));
      expect(statusLine(await readHead(socket))).toBe('HTTP/1.1 200 Connection established');
      const inner = await secure(socket, { servername: 'queue.fal.run' });
      inner.write(getRequest('queue.fal.run'));
      const seen = bodyOf((await drain(inner)).text);
      expect(seen).toMatchObject({ via: 'connect', tls: true, sni: 'queue.fal.run', connectHost: 'queue.fal.run' });
      expect(seen.grant).toBe(grant);
    }
  });

  it('takes TLS that comes in one packet with the request', async () => {
    const { number } = await start();
    const answer = await exchange(number, connectRequest('fal.run:80') + getRequest('fal.run'));
    expect(answer.text).toMatch(/^HTTP\/1\.1 200 Connection established\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
  });

  it('works inside TLS, and inside another CONNECT', async () => {
    const { number } = await start();
    const outer = await secure(await open(number), { servername: 'localhost' });
    for (const target of ['fal.run:443', 'rest.fal.ai:443']) {
      outer.write(connectRequest(target));
      await readHead(outer);
    }
    const inner = await secure(outer, { servername: 'rest.fal.ai' });
    inner.write(getRequest('rest.fal.ai'));
    expect(bodyOf((await drain(inner)).text)).toMatchObject({
      via: 'connect',
      sni: 'rest.fal.ai',
      connectHost: 'rest.fal.ai',
    });
  });

  it('refuses a foreign server name inside', async () => {
    const { number } = await start();
    const socket = await open(number);
    socket.write(connectRequest('fal.run:443'));
    await readHead(socket);
    await expect(secure(socket, { servername: 'example.com' })).rejects.toThrow();
  });

  it.each([
    ['another host without a key', 'example.com:443', [], 'HTTP/1.1 407 Proxy Authentication Required'],
    [
      'another host with a wrong key',
      'example.com:443',
      [basic('wt', 'KEX')],
      'HTTP/1.1 407 Proxy Authentication Required',
    ],
    [
      'another scheme of credentials',
      'example.com:443',
      ['Proxy-Authorization: Bearer KEY'],
      'HTTP/1.1 407 Proxy Authentication Required',
    ],
    ['another port of this machine without a key', '127.0.0.1:22', [], 'HTTP/1.1 407 Proxy Authentication Required'],
    ['a target without a port', 'fal.run', [], 'HTTP/1.1 400 Bad Request'],
    ['a target that is none', 'a@b:443', [], 'HTTP/1.1 400 Bad Request'],
    ['a port that is none', 'fal.run:99999', [], 'HTTP/1.1 400 Bad Request'],
    ['a host where nobody listens', '127.0.0.1:1', [basic('wt', 'KEY')], 'HTTP/1.1 502 Bad Gateway'],
  ])('refuses %s', async (_, target, headers, expected) => {
    const { number } = await start();
    const answer = await exchange(number, connectRequest(target, headers));
    expect(statusLine(answer.text)).toBe(expected);
    expect(answer.text.includes('Proxy-Authenticate: Basic')).toBe(expected.includes('407'));
    expect(answer.end).toBe('fin');
  });

  it('to another host, with a key, is a blind tunnel', async () => {
    const { port, number } = await start();
    const outside = await startOutside();
    const socket = await open(number);
    socket.write(connectRequest(`127.0.0.1:${outside}`, [basic('wt', 'KEY')]) + getRequest('anything'));
    expect((await drain(socket)).text).toMatch(/"outside":true/);
    await until(() => port.connections === 0);
  });

  it('through which one side is reset resets the other', async () => {
    const { port, number } = await start();
    const ends: Promise<unknown>[] = [];
    const server = await listenTcp((accepted) => void ends.push(drain(accepted)));
    disposers.push(() => server.server.close());
    const client = await open(number);
    client.write(connectRequest(`127.0.0.1:${server.number}`, [basic('wt', 'KEY')]));
    await readHead(client);
    client.resetAndDestroy();
    await until(() => port.connections === 0 && ends.length === 1);
    await ends[0];
  });
});

describe('absolute form', () => {
  it('for a fal host or our own address is served here, without the proxy credentials', async () => {
    const { number } = await start();
    for (const host of ['fal.run', `127.0.0.1:${number}`]) {
      const request = getRequest('wrong.example', `http://${host}/a?b=1`, [basic('wt', 'KEY')]);
      expect(bodyOf((await exchange(number, request)).text)).toEqual({
        path: '/a?b=1',
        host,
        bytes: 0,
        proxyHeaders: [],
        grant: 'exec-1',
        via: 'absolute',
        tls: false,
      });
    }
  });

  it('for another host asks for the key, then passes the request on without it', async () => {
    const { number } = await start();
    const outside = await startOutside();
    const url = `http://127.0.0.1:${outside}/x?y=1`;
    const refused = await exchange(number, getRequest('x', url));
    expect(refused.text).toMatch(/^HTTP\/1\.1 407 [\s\S]*proxy-authenticate: Basic/i);
    const answer = bodyOf((await exchange(number, getRequest('x', url, [basic('wt', 'KEY')]))).text);
    expect(answer).toMatchObject({ outside: true, url: '/x?y=1', headers: { host: `127.0.0.1:${outside}` } });
    expect(Object.keys(answer.headers as object)).not.toContain('proxy-authorization');
  });

  it.each([
    ['https', 'https://fal.run/', 400],
    ['ftp', 'ftp://example.com/', 400],
    ['no URL', 'http://[', 400],
    ['a host where nobody listens', 'http://127.0.0.1:1/', 502],
  ])('refuses %s', async (_, url, status) => {
    const { number } = await start();
    expect(statusLine((await exchange(number, getRequest('x', url, [basic('wt', 'KEY')]))).text)).toContain(
      ` ${status} `,
    );
  });
});

describe('a company proxy', () => {
  it('carries what leaves the machine, with its own password and never our key; fal stays here', async () => {
    const outside = await startOutside();
    const company = await startCompanyProxy(outside);
    const { number } = await start(grantFor({ HTTPS_PROXY: company.url, http_proxy: company.url }));

    const tunnelled = connectRequest('outside.corp:8443', [basic('wt', 'KEY')]) + getRequest('outside.corp');
    expect((await exchange(number, tunnelled)).text).toMatch(/"outside":true/);
    const absolute = getRequest('x', 'http://outside.corp/plain', [basic('wt', 'KEY')]);
    expect(bodyOf((await exchange(number, absolute)).text)).toMatchObject({ outside: true, url: '/plain' });
    const ours = connectRequest('fal.run:80', [basic('wt', 'KEY')]) + getRequest('fal.run');
    expect((await exchange(number, ours)).text).toMatch(/"via":"connect"/);

    const password = `Basic ${Buffer.from('corp:p@ss').toString('base64')}`;
    expect(company.seen).toEqual([
      ['CONNECT', 'outside.corp:8443', password],
      ['GET', 'http://outside.corp/plain', password],
    ]);
  });

  it('is left out for hosts of the NO_PROXY that exec had to drop', async () => {
    const outside = await startOutside();
    const company = await startCompanyProxy(outside);
    const { number } = await start(grantFor({ https_proxy: company.url, no_proxy: '*' }));
    const request = connectRequest(`127.0.0.1:${outside}`, [basic('wt', 'KEY')]) + getRequest('x');
    expect((await exchange(number, request)).text).toMatch(/"outside":true/);
    expect(company.seen).toEqual([]);
  });

  it('that refuses makes 502 and a line in the log', async () => {
    const company = await startCompanyProxy(1);
    const { number, logged } = await start(grantFor({ https_proxy: company.url.replace('p%40ss', 'wrong') }));
    const answer = await exchange(number, connectRequest('outside.corp:443', [basic('wt', 'KEY')]));
    expect(statusLine(answer.text)).toBe('HTTP/1.1 502 Bad Gateway');
    expect(logged).toContain('CONNECT failed');
  });

  it('that never answers makes 502 at the dial deadline', async () => {
    const clock = new RecordingClock();
    const accepted: Socket[] = [];
    const silent = await listenTcp((socket) => void accepted.push(socket.on('error', () => undefined)));
    disposers.push(
      () => silent.server.close(),
      () => accepted.forEach((socket) => void socket.destroy()),
    );
    const { number } = await start({
      clock,
      limits: { dialMs: 777 },
      ...grantFor({ https_proxy: `http://127.0.0.1:${silent.number}` }),
    });
    const answer = exchange(number, connectRequest('outside.corp:443', [basic('wt', 'KEY')]));
    // One deadline for the connection, one for the proxy's answer.
    await until(() => clock.asked.filter((ms) => ms === 777).length === 2);
    clock.advance(777);
    expect(statusLine((await answer).text)).toBe('HTTP/1.1 502 Bad Gateway');
  });

  it('that is this port itself is not asked: the call would never end', async () => {
    const outside = await startOutside();
    const self = { url: '' };
    const { number } = await start({
      authorizeProxy: () => ({ id: 'exec-1', route: routeFromEnv({ https_proxy: self.url }) }),
    });
    self.url = `http://wt:KEY@127.0.0.1:${number}`;
    const request = connectRequest(`127.0.0.1:${outside}`, [basic('wt', 'KEY')]) + getRequest('x');
    expect((await exchange(number, request)).text).toMatch(/"outside":true/);
  });
});

describe('routeFromEnv', () => {
  const target = { host: 'a.example', port: 443, scheme: 'https' } as const;

  it('takes lower case first, ALL_PROXY last, a value without a scheme as http', () => {
    expect(routeFromEnv({})(target)).toBeNull();
    expect(routeFromEnv({ HTTPS_PROXY: 'http://up:1', https_proxy: 'http://low:2' })(target)).toMatchObject({
      host: 'low',
    });
    expect(routeFromEnv({ ALL_PROXY: 'proxy.corp:3128' })(target)).toEqual({
      host: 'proxy.corp',
      port: 3128,
      authorization: null,
    });
    expect(routeFromEnv({ HTTPS_PROXY: 'http://[::1]' })(target)).toMatchObject({ host: '::1', port: 80 });
    expect(routeFromEnv({ http_proxy: 'http://h:1' })(target)).toBeNull();
    expect(routeFromEnv({ https_proxy: '', HTTPS_PROXY: '' })(target)).toBeNull();
  });

  it.each(['https://proxy:443', 'socks5://proxy:1080', 'socks5h://proxy', 'http://', 'http://u:%zz@proxy'])(
    'refuses %s without repeating it',
    (value) => {
      expect(() => routeFromEnv({ HTTPS_PROXY: value })).toThrow(
        expect.objectContaining({ code: 'E_UPSTREAM_PROXY', message: expect.not.stringContaining('%zz') }),
      );
    },
  );
});

describe('a body without a length', () => {
  it.each(['GET', 'DELETE', 'POST'])('of a %s in absolute form arrives whole and framed', async (method) => {
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', () => response.end(`${request.method} ${request.headers['transfer-encoding']} ${body}`));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    disposers.push(() => new Promise((resolve) => server.close(resolve)));
    const outside = (server.address() as AddressInfo).port;
    const { number } = await start(grantFor({}));
    const head = [
      `${method} http://127.0.0.1:${outside}/x HTTP/1.1`,
      `Host: 127.0.0.1:${outside}`,
      basic('wt', 'KEY'),
      'Transfer-Encoding: chunked',
      'Connection: close',
    ];
    const answer = await exchange(number, `${head.join('\r\n')}\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n`);
    expect(answer.text).toContain(`${method} chunked hello world`);
  });
});
