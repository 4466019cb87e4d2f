import { once } from 'node:events';
import { request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { GatewayServer } from '../../../test/support/gateway-server.ts';
import { LIMITS, WindtunnelError } from '../../contract/index.ts';
import { TokenSigner } from '../access/tokens.ts';

let gw: GatewayServer;
/** Responses of the app that a test ends itself. */
let held: import('node:http').ServerResponse[];

beforeEach(async () => {
  held = [];
  gw = await GatewayServer.start();
  await gw.fleet.serve('local/pixels', (req, res) => {
    const { pathname } = new URL(req.url ?? '/', 'http://app');
    if (pathname === '/hold') {
      held.push(res);
      return;
    }
    if (pathname === '/quiet') {
      res.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      held.push(res);
      return;
    }
    if (pathname === '/stream') {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.write('data: {"i":1}\n\n');
      held.push(res);
      return;
    }
    if (pathname === '/fail') {
      res.writeHead(503, { 'x-fal-needs-retry': '1', 'x-fal-stop-runner': '1', 'x-fal-billable-units': '0' }).end('no');
      return;
    }
    if (pathname === '/bytes') {
      res.writeHead(200, { 'content-type': 'application/octet-stream', 'x-fal-needs-retry': '0' });
      res.end(Buffer.from([0, 255, 128]));
      return;
    }
    if (pathname === '/die') {
      req.socket.destroy();
      return;
    }
    if (pathname === '/half') {
      res.writeHead(200, { 'content-length': '100' });
      res.write('half');
      setImmediate(() => req.socket.destroy());
      return;
    }
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      const body = Buffer.concat(chunks);
      res.setHeader('content-type', 'application/json');
      res.setHeader('access-control-allow-origin', '*');
      res.end(
        JSON.stringify({
          url: req.url,
          method: req.method,
          headers: req.headers,
          size: body.length,
          body: body.toString('utf8', 0, 99),
        }),
      );
    });
  });
});

afterEach(async () => {
  for (const res of held) res.destroy();
  await gw.dispose();
  expect(gw.errors).toEqual([]);
});

describe('one call', () => {
  test.each([
    '/local/pixels/sub?a=1',
    '/run/local/pixels/sub?a=1',
    'https://fal.run/someone/pixels/sub?a=1',
    '/_h/fal.run/local/pixels/sub?a=1',
  ])("39: %s returns the app's answer with x-fal-request-id; the app is called once", async (target) => {
    const answer = await gw.post(target, { x: 1 });
    expect(answer.status).toBe(200);
    expect(answer.headers['x-fal-request-id']).toBe(gw.fleet.leases[0]?.lease.requestId);
    expect(answer.json).toMatchObject({ url: '/sub?a=1', method: 'POST', body: '{"x":1}' });
    expect(answer.headers['content-length']).toBe(String(answer.body.length));
    expect(gw.fleet.leases).toHaveLength(1);
    expect(gw.fleet.releases).toMatchObject([{ status: 200 }]);
  });

  test('63: the app sees the request id, its endpoint and custom headers, but nothing of the platform or the key', async () => {
    const answer = await gw.post(
      '/local/pixels',
      {},
      {
        'x-custom': 'yes',
        'x-fal-no-retry': '1',
        'x-fal-request-id': 'forged',
        'x-wt-secret': 'forged',
        'x-fal-target-url': 'https://fal.run/other/app',
        'x-fal-object-lifecycle-preference': '{"expiration_duration_seconds":9}',
        authorization: 'Key local:exec-secret',
        'accept-encoding': 'gzip',
      },
    );
    const { headers } = answer.json;
    expect(headers).toMatchObject({
      'x-custom': 'yes',
      'x-wt-secret': 'secret',
      'x-fal-request-id': answer.headers['x-fal-request-id'],
      'x-fal-endpoint': 'local/pixels/',
      'x-fal-object-lifecycle-preference': '{"expiration_duration_seconds":9}',
    });
    for (const name of ['x-fal-no-retry', 'x-fal-target-url', 'authorization', 'accept-encoding']) {
      expect(headers).not.toHaveProperty(name);
    }
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
  });

  test('41: bytes come through as they are', async () => {
    const answer = await gw.post('/local/pixels/bytes', {});
    expect([...answer.body]).toEqual([0, 255, 128]);
    expect(answer.headers['content-type']).toBe('application/octet-stream');
  });

  test('29, 30: x-fal-stop-runner never reaches the caller; x-fal-needs-retry only on failures', async () => {
    const failed = await gw.post('/local/pixels/fail', {});
    expect([failed.status, failed.text, failed.headers['x-fal-needs-retry']]).toEqual([503, 'no', '1']);
    expect(failed.headers).not.toHaveProperty('x-fal-stop-runner');
    expect(failed.headers['x-fal-billable-units']).toBe('0');
    expect(gw.fleet.releases[0]?.responseHeaders).toContainEqual(['x-fal-stop-runner', '1']);
    expect((await gw.post('/local/pixels/bytes', {})).headers).not.toHaveProperty('x-fal-needs-retry');
  });

  test.each([0, 10, 64 * 1024, 64 * 1024 + 1, 5 * 1024 * 1024])('a body of %i bytes arrives whole', async (size) => {
    const body = Buffer.alloc(size, 'x');
    const sized = await gw.call('/local/pixels', { method: 'POST', body, headers: { 'content-length': String(size) } });
    expect(sized.json.size).toBe(size);
    const chunked = await gw.call('/local/pixels', {
      method: 'POST',
      body,
      headers: { 'transfer-encoding': 'chunked' },
    });
    expect(chunked.json.size).toBe(size);
  });

  test('GET, HEAD and other methods reach the app as they are', async () => {
    expect((await gw.call('/local/pixels/x?input=1')).json).toMatchObject({ method: 'GET', url: '/x?input=1' });
    expect((await gw.call('/local/pixels/x', { method: 'HEAD' })).status).toBe(200);
    expect((await gw.call('/local/pixels/x', { method: 'DELETE' })).json.method).toBe('DELETE');
  });

  test('a file URL in the answer is a loopback one for a local caller, in one piece and in a stream', async () => {
    const url = `https://v3.fal.media/files/wt-${'b'.repeat(32)}/x.png`;
    const local = `${gw.url}/files/wt-${'b'.repeat(32)}/x.png`;
    expect((await gw.post('/local/pixels', { url })).json.body).toBe(JSON.stringify({ url: local }));
    expect((await gw.post('https://fal.run/local/pixels', { url })).json.body).toBe(JSON.stringify({ url }));

    const streamed = gw.post('/local/pixels/stream', {});
    await expect.poll(() => held.length).toBe(1);
    held[0]?.write(`data: {"url":"${url.slice(0, 25)}`);
    held[0]?.end(`${url.slice(25)}"}\n\n`);
    expect((await streamed).text).toBe(`data: {"i":1}\n\ndata: {"url":"${local}"}\n\n`);
  });
});

describe('streams', () => {
  test('42, 44: the first event arrives before the app is done, whatever Accept says', async () => {
    const text = await new Promise<string>((resolve, reject) => {
      const sent = request(
        {
          host: '127.0.0.1',
          port: gw.port,
          path: '/local/pixels/stream',
          method: 'POST',
          headers: { accept: 'application/json' },
        },
        (res) => {
          expect(res.headers['content-type']).toBe('text/event-stream');
          let received = '';
          res.on('data', (chunk: Buffer) => {
            received += chunk.toString();
            if (received === 'data: {"i":1}\n\n') held[0]?.end('data: {"i":2}\n\n');
          });
          res.on('end', () => resolve(received));
        },
      );
      sent.on('error', reject).end();
    });
    expect(text).toBe('data: {"i":1}\n\ndata: {"i":2}\n\n');
  });

  test("42: a stream's head does not wait for its first event", async () => {
    const sent = request({ host: '127.0.0.1', port: gw.port, path: '/local/pixels/quiet', method: 'POST' }).end();
    sent.on('error', () => undefined);
    const status = await new Promise((resolve) => sent.on('response', (res) => resolve(res.statusCode)));
    expect(status).toBe(200);
    sent.destroy();
  });

  test('43: a token opens the app it names, for its time; it does not reach the app', async () => {
    const token = String((await gw.post('/tokens/', { allowed_apps: ['pixels'], token_expiration: 60 })).json);
    const origin = 'http://localhost:3000';
    const ok = await gw.post(`/local/pixels/x?a=1&fal_jwt_token=${token}`, {}, { origin });
    expect([ok.status, ok.json.url]).toEqual([200, '/x?a=1']);
    const other = new TokenSigner(Buffer.alloc(32, 7), gw.clock).sign('app', 'local', 60, ['other']);
    expect((await gw.post(`/local/pixels/x?fal_jwt_token=${other}`, {}, { origin })).status).toBe(401);
    gw.clock.advance(61_000);
    expect((await gw.post(`/local/pixels/x?fal_jwt_token=${token}`, {}, { origin })).status).toBe(401);
  });

  test('40: a client that leaves a stream cancels it and frees its slot', async () => {
    const sent = request({ host: '127.0.0.1', port: gw.port, path: '/local/pixels/stream', method: 'POST' });
    sent.on('error', () => undefined);
    sent.on('response', (res) => res.on('error', () => undefined).once('data', () => sent.destroy()));
    sent.end();
    await expect.poll(() => gw.fleet.releases).toMatchObject([{ error: 'client_disconnected' }]);
    expect(gw.fleet.cancels).toEqual([{ path: '/stream', requestId: gw.fleet.leases[0]?.lease.requestId }]);
    await expect.poll(() => held[0]?.destroyed).toBe(true);
  });
});

describe('what goes wrong', () => {
  test("40: a client that leaves triggers the app's cancel route; the slot is held until the app is done", async () => {
    const sent = request({ host: '127.0.0.1', port: gw.port, path: '/local/pixels/hold', method: 'POST' });
    sent.on('error', () => undefined);
    sent.end();
    await expect.poll(() => held.length).toBe(1);
    sent.destroy();
    await expect.poll(() => gw.fleet.cancels.length).toBe(1);
    expect(gw.fleet.releases).toEqual([]);
    held[0]?.end('late');
    await expect.poll(() => gw.fleet.releases).toMatchObject([{ status: 200, error: 'client_disconnected' }]);
  });

  test('a client that leaves before it has a slot takes none', async () => {
    gw.fleet.gate = new Promise(() => undefined);
    const sent = request({ host: '127.0.0.1', port: gw.port, path: '/local/pixels/hold', method: 'POST' });
    sent.on('error', () => undefined);
    sent.end();
    const before = gw.fleet.leases.length;
    await new Promise((resolve) => setImmediate(resolve));
    sent.destroy();
    await new Promise((resolve) => setImmediate(resolve));
    expect(gw.fleet.leases).toHaveLength(before);
  });

  test('32: a runner that dies is 503 runner_disconnected', async () => {
    const answer = await gw.post('/local/pixels/die', {});
    expect(answer.status).toBe(503);
    expect(answer.json.error_type).toBe('runner_disconnected');
    expect(answer.headers).toMatchObject({ 'x-fal-error-type': 'runner_disconnected', 'x-fal-needs-retry': '1' });
    expect(answer.headers['x-fal-request-id']).toBe(gw.fleet.leases[0]?.lease.requestId);
    expect(gw.fleet.releases).toMatchObject([{ error: 'runner_disconnected' }]);
  });

  test('a runner that dies within its answer breaks the connection: half an answer never looks whole', async () => {
    await expect(gw.post('/local/pixels/half', {})).rejects.toThrow();
    await expect.poll(() => gw.fleet.releases).toMatchObject([{ error: 'runner_incomplete_response' }]);
  });

  test.each([
    ['request_timeout', 504],
    ['runner_disconnected', 503],
    ['client_cancelled', 499],
  ] as const)('31, 32: a lease that ends with %s is %i', async (type, status) => {
    const answer = gw.post('/local/pixels/hold', {});
    await expect.poll(() => held.length).toBe(1);
    gw.fleet.leases[0]?.abort(type);
    expect((await answer).status).toBe(status);
    expect((await answer).json.error_type).toBe(type);
    expect(gw.fleet.releases).toMatchObject([{ status, error: type }]);
    await expect.poll(() => held[0]?.destroyed).toBe(true);
  });

  test.each([
    ['E_LIMIT', 429, 'concurrent_requests_limit'],
    ['E_STARTUP_TIMEOUT', 504, 'startup_timeout'],
    ['E_APP_SETUP', 503, 'runner_scheduling_failure'],
    ['E_REQUIREMENTS', 503, 'runner_scheduling_failure'],
  ] as const)('no slot because of %s is %i %s, with the code and what to do', async (code, status, type) => {
    gw.fleet.refuse = new WindtunnelError(code, 'No slot: see why.', { hint: 'Do this.' });
    const answer = await gw.post('/local/pixels', {});
    expect(answer.status).toBe(status);
    expect(answer.json).toEqual({ detail: 'No slot: see why.', error_type: type, hint: 'Do this.' });
    expect(answer.headers['x-windtunnel-error']).toBe(code);
    expect(answer.headers['x-fal-needs-retry']).toBe(status === 429 ? '1' : undefined);
  });

  test('a body over the limit is 413 before a slot is taken', async () => {
    const sent = request({
      host: '127.0.0.1',
      port: gw.port,
      path: '/local/pixels',
      method: 'POST',
      headers: { 'content-length': String(LIMITS.bodyBytes + 1) },
    });
    sent.on('error', () => undefined);
    sent.flushHeaders();
    const status = await new Promise((resolve) => sent.on('response', (res) => resolve(res.statusCode)));
    expect(status).toBe(413);
    expect(gw.fleet.leases).toEqual([]);
    sent.destroy();
  });

  test('a large body that breaks off on its way ends the call and gives the slot back', async () => {
    const sent = request({
      host: '127.0.0.1',
      port: gw.port,
      path: '/local/pixels/upload',
      method: 'POST',
      headers: { 'content-length': '1000000' },
    });
    sent.on('error', () => undefined);
    sent.write(Buffer.alloc(300_000));
    await expect.poll(() => gw.fleet.leases.length).toBe(1);
    sent.destroy();
    await expect.poll(() => gw.fleet.releases).toMatchObject([{ error: 'client_disconnected' }]);
  });

  test('a large body that breaks off before there is a slot takes none, and harms nobody', async () => {
    gw.fleet.gate = new Promise(() => undefined);
    const headers = { 'content-length': '1000000' };
    const sent = request({ host: '127.0.0.1', port: gw.port, path: '/local/pixels/upload', method: 'POST', headers });
    sent.on('error', () => undefined);
    sent.write('begun');
    // The idle timer of the body is what shows that it is being read, and then no more.
    const before = gw.clock.pending;
    await expect.poll(() => gw.clock.pending).toBeGreaterThanOrEqual(before + 1);
    sent.destroy();
    await expect.poll(() => gw.clock.pending).toBe(before);
    expect(gw.fleet.leases).toEqual([]);
    gw.fleet.gate = null;
    expect((await gw.post('/local/pixels', {})).status).toBe(200);
  });

  test('a large body whose call fails before it has a slot is read to its end: its sender gets to read the answer', async () => {
    let fail: () => void = () => undefined;
    gw.fleet.gate = new Promise((_resolve, reject) => {
      fail = () => reject(new WindtunnelError('E_APP_SETUP', 'setup raised.'));
    });
    const size = 32 * 1024 * 1024;
    const socket = connect(gw.port, '127.0.0.1').on('error', () => undefined);
    socket.write(`POST /local/pixels HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: ${size}\r\n\r\n`);
    // Most clients send all of a body before they read.
    const before = gw.clock.pending;
    const sent = new Promise<void>((resolve) => socket.write(Buffer.alloc(size), () => resolve()));
    await expect.poll(() => gw.clock.pending).toBeGreaterThan(before);
    fail();
    await sent;
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 503/);
    await expect.poll(() => gw.clock.pending).toBe(before);
    socket.destroy();
  });

  test('a large body that waits for a slot is not taken for a stalled one', async () => {
    let opened: () => void = () => undefined;
    gw.fleet.gate = new Promise((resolve) => {
      opened = resolve;
    });
    const before = gw.clock.pending;
    const body = Buffer.alloc(5_000_000);
    const answer = gw.call('/local/pixels', { method: 'POST', body, headers: { 'content-length': '5000000' } });
    await expect.poll(() => gw.clock.pending).toBe(before + 1);
    for (let i = 0; i < 20; i++) await gw.clock.advanceAsync(60_000);
    opened();
    expect((await answer).json.size).toBe(5_000_000);
  });

  test('a bug inside the emulator is a 500 that is logged', async () => {
    gw.fleet.refuse = new TypeError('oops');
    const token = new TokenSigner(Buffer.alloc(32, 7), gw.clock).sign('app', 'local', 60, ['pixels']);
    const answer = await gw.post(`/local/pixels?a=1&fal_jwt_token=${token}`, {});
    expect([answer.status, answer.headers['x-windtunnel-error']]).toEqual([500, 'E_INTERNAL']);
    expect(gw.errors).toEqual([expect.stringContaining('"path":"/local/pixels"')]);
    expect(gw.errors.splice(0).join()).not.toContain(token);
  });
});

test('a connection serves one call after the other', async () => {
  const { Agent } = await import('node:http');
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ports = new Set<number>();
  for (let i = 0; i < 5; i++) {
    await new Promise<void>((resolve, reject) => {
      const sent = request(
        { host: '127.0.0.1', port: gw.port, path: i === 2 ? '/local/none' : '/local/pixels', method: 'POST', agent },
        (res) => {
          ports.add((res.socket.address() as AddressInfo).port);
          res.resume().on('end', resolve);
        },
      );
      sent.on('error', reject).end('{}');
    });
  }
  expect(ports.size).toBe(1);
  agent.destroy();
});
