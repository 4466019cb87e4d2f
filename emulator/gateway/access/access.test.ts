import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EXEC_KEY, GatewayServer } from '../../../test/support/gateway-server.ts';

const KEY = { authorization: `Key ${EXEC_KEY}` };
const PAGE = 'http://localhost:3000';

let gw: GatewayServer;

beforeEach(async () => {
  gw = await GatewayServer.start({ origins: ['https://app.test'] });
  await gw.fleet.serve('local/pixels', (_req, res) => res.setHeader('access-control-allow-origin', '*').end('ok'));
});

afterEach(async () => {
  await gw.dispose();
  expect(gw.errors).toEqual([]);
});

describe('keys', () => {
  test.each([
    ['no key', {}, 200],
    ['our key', KEY, 200],
    ['our key as Bearer', { authorization: `Bearer ${EXEC_KEY}` }, 200],
    ['a real-looking key', { authorization: 'Key 01234567-aaaa:bbbb' }, 401],
    ['what server-proxy sends without FAL_KEY', { authorization: 'Key undefined' }, 401],
    ['a forged token', { authorization: 'Bearer eyJhbGciOiJIUzI1NiJ9.e30.x' }, 401],
    ['an empty key', { authorization: '' }, 401],
  ])('%s: %j', async (_name, headers, status) => {
    for (const path of ['/local/pixels', '/queue/local/pixels']) {
      const answer = await gw.post(path, {}, headers as Record<string, string>);
      expect(answer.status).toBe(status);
      if (status !== 401) continue;
      expect(answer.headers['x-windtunnel-error']).toBe('E_UNAUTHORIZED');
      expect(answer.json.detail).toContain('key');
      expect(answer.json.hint).toContain('windtunnel');
      expect(answer.text).not.toContain('bbbb');
    }
  });

  test('the key is not shown to the app', async () => {
    await gw.post('/queue/local/pixels', {}, KEY);
    expect(gw.fleet.submits[0]?.headers.map(([name]) => name)).not.toContain('authorization');
  });
});

describe('64: pages and CORS', () => {
  test.each([
    ['loopback page with key', PAGE, KEY, 200, true],
    ['loopback page without key', PAGE, {}, 401, true],
    ['loopback page, other port and name', 'https://127.0.0.1:5173', KEY, 200, true],
    ['configured page', 'https://app.test', KEY, 200, true],
    ['configured page without key', 'https://app.test', {}, 401, true],
    ['foreign page with key', 'https://evil.example', KEY, 403, false],
    ['foreign page without key', 'https://evil.example', {}, 403, false],
    ['a name that only looks like loopback', 'http://localhost.evil.example', KEY, 403, false],
    ['a sandboxed page', 'null', KEY, 403, false],
  ])('%s', async (_name, origin, headers, status, cors) => {
    const answer = await gw.post('/local/pixels', {}, { origin, ...(headers as Record<string, string>) });
    expect(answer.status).toBe(status);
    expect(answer.headers['access-control-allow-origin']).toBe(cors ? origin : undefined);
    if (cors) expect(answer.headers['access-control-expose-headers']).toContain('x-fal-request-id');
    if (status === 403) expect(answer.headers['x-windtunnel-error']).toBe('E_FOREIGN_ORIGIN');
  });

  test.each([
    ['/local/pixels', 'POST'],
    ['/queue/local/pixels/requests/x/cancel', 'PUT'],
    ['/files/uploads/abc', 'PUT'],
    ['/api/fal/proxy', 'POST'],
  ])('preflight of %s from a loopback page, private network asked', async (path, method) => {
    const answer = await gw.call(path, {
      method: 'OPTIONS',
      headers: {
        origin: PAGE,
        'access-control-request-method': method,
        'access-control-request-headers': 'authorization,x-fal-queue-priority',
        'access-control-request-private-network': 'true',
      },
    });
    expect(answer.status).toBe(204);
    expect(answer.headers['access-control-allow-origin']).toBe(PAGE);
    expect(answer.headers['access-control-allow-methods']).toContain(method);
    expect(answer.headers['access-control-allow-headers']).toBe('authorization,x-fal-queue-priority');
    expect(answer.headers['access-control-allow-private-network']).toBe('true');
    expect(gw.fleet.leases).toEqual([]);
  });

  test('preflight from a foreign page is 403 without CORS headers', async () => {
    const answer = await gw.call('/local/pixels', {
      method: 'OPTIONS',
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' },
    });
    expect(answer.status).toBe(403);
    expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
  });

  test('a GET that another site makes the browser send without Origin is refused', async () => {
    const headers = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' };
    expect((await gw.call('/queue/local/pixels', { headers })).status).toBe(403);
    expect(gw.fleet.submits).toEqual([]);
    expect((await gw.call('/health', { headers })).status).toBe(403);
  });
});

describe('foreign hosts and parts that are not emulated', () => {
  test.each(['evil.example', 'localhost.evil.example', '10.0.0.1:80'])('Host %s is 421', async (host) => {
    const answer = await gw.post('/local/pixels', {}, { host });
    expect([answer.status, answer.headers['x-windtunnel-error']]).toEqual([421, 'E_FOREIGN_HOST']);
  });

  test.each([
    ['https://api.fal.ai/v1/models', 'api.fal.ai'],
    ['https://wma.fal.run/x', 'wma.fal.run'],
    ['https://rest.fal.ai/users/current', 'users/current'],
    ['/_h/example.com/x', 'example.com'],
  ])('%s is 501 E_NOT_EMULATED naming it', async (target, feature) => {
    const answer = await gw.call(target);
    expect([answer.status, answer.headers['x-windtunnel-error']]).toEqual([501, 'E_NOT_EMULATED']);
    expect(answer.json.detail).toContain(feature);
  });
});

describe('apps that are not here', () => {
  test.each(['/fal-ai/flux/dev', '/queue/fal-ai/flux/dev', '/queue/workflows/fal-ai/flux'])(
    '71: the public model %s answers what to do',
    async (path) => {
      const answer = await gw.post(path, { prompt: 'x' });
      expect([answer.status, answer.headers['x-windtunnel-error']]).toEqual([404, 'E_PUBLIC_MODEL']);
      expect(answer.json).toMatchObject({ error_type: 'public_model_not_emulated' });
      expect(answer.json.hint).toContain('windtunnel run FILE.py --as fal-ai/flux');
      expect(answer.json.hint).toContain('without `windtunnel exec`');
      expect(answer.headers['x-fal-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    },
  );

  test('71: the user is told once, also when the caller keeps it to itself', async () => {
    for (let i = 0; i < 3; i++) await gw.post('/fal-ai/flux', {});
    const notices = gw.events.filter((event) => event.type === 'emulator.notice');
    expect(notices).toMatchObject([{ level: 'warn', code: 'E_PUBLIC_MODEL' }]);
  });

  test('an unknown app lists those that run', async () => {
    const answer = await gw.post('/queue/me/nothing', {});
    expect([answer.status, answer.headers['x-windtunnel-error']]).toEqual([404, 'E_UNKNOWN_APP']);
    expect(answer.json.hint).toContain('local/pixels');
  });

  test('70: an unknown owner with a known app works', async () => {
    expect((await gw.post('/real-user/pixels', {})).status).toBe(200);
  });

  test.each(['/queue/onlyone', '/run/onlyone', '/queue/../etc'])('%s names no app: 400', async (path) => {
    const answer = await gw.post(path, {});
    expect([answer.status, answer.headers['x-windtunnel-error']]).toEqual([400, 'E_BAD_REQUEST']);
  });
});

test.each(['{nope', '[]', '{"expiration_duration_seconds":"soon"}'])(
  'a lifecycle preference of %s is 400',
  async (value) => {
    for (const path of ['/local/pixels', '/queue/local/pixels', '/files/upload']) {
      const answer = await gw.post(path, {}, { 'x-fal-object-lifecycle-preference': value });
      expect([answer.status, answer.json.error_type], path).toEqual([400, 'bad_request']);
    }
  },
);

test('health needs no key and tells the version', async () => {
  const answer = await gw.call('/health');
  expect(answer.json).toMatchObject({ status: 'ok', name: 'windtunnel', url: gw.url });
});

describe('requireKey', () => {
  beforeEach(async () => {
    await gw.dispose();
    gw = await GatewayServer.start({ requireKey: true });
    await gw.fleet.serve('local/pixels', (_req, res) => res.end('ok'));
  });

  test.each(['/local/pixels', '/queue/local/pixels', '/_h/rest.fal.ai/storage/upload/initiate', '/api/fal/proxy'])(
    'refuses a call of %s without a key',
    async (path) => {
      const answer = await gw.post(path, {});
      expect([answer.status, answer.headers['x-windtunnel-error']]).toEqual([401, 'E_UNAUTHORIZED']);
      expect(answer.json.detail).toContain('requireKey');
      expect(answer.json.hint).not.toContain('no key');
    },
  );

  test('lets in a key, the app itself, the health check, and whoever has a file’s URL', async () => {
    expect((await gw.post('/local/pixels', {}, KEY)).status).toBe(200);
    expect((await gw.call('/health')).status).toBe(200);
    expect((await gw.call('/files/b/none.png')).status).toBe(404);
    gw.connection = { via: 'tunnel', tls: false, identity: { runner: 'r', app: 'local/pixels' } };
    expect((await gw.post('/local/pixels', {})).status).toBe(200);
  });
});
