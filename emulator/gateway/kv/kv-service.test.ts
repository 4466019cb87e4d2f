import { afterEach, beforeEach, expect, it } from 'vitest';
import { GatewayServer } from '../../../test/support/gateway-server.ts';
import { LIMITS } from '../../contract/index.ts';

const KV = 'https://kv.fal.media';
let gateway: GatewayServer;

beforeEach(async () => {
  gateway = await GatewayServer.start();
});
afterEach(() => gateway.dispose());

const set = (path: string, body: string | Uint8Array) => gateway.call(`${KV}/set/${path}`, { method: 'PUT', body });
const get = (path: string) => gateway.call(`${KV}/get/${path}`);

it('keeps a value under its database and key', async () => {
  expect((await set('a/x', 'über')).status).toBe(200);
  expect((await set('b/x', 'other')).status).toBe(200);
  expect(await get('a/x')).toMatchObject({ status: 200, json: { value: 'über' } });
  expect(await get('b/x')).toMatchObject({ status: 200, json: { value: 'other' } });
  expect(await gateway.call('/kv/get/a/x'), 'the same by the loopback form').toMatchObject({ json: { value: 'über' } });
});

it('takes a key with slashes as one key', async () => {
  await set('a/x/y/z', 'deep');
  expect((await get('a/x/y/z')).json).toEqual({ value: 'deep' });
  expect((await get('a/x')).status).toBe(404);
});

it('deletes, whether there is something or not', async () => {
  await set('a/x', '1');
  for (let i = 0; i < 2; i++) expect((await gateway.call(`${KV}/delete/a/x`, { method: 'DELETE' })).status).toBe(200);
  expect(await get('a/x')).toMatchObject({ status: 404, json: { error: expect.any(String) } });
});

it('ends a value after its ttl, of 30 days where none is named', async () => {
  await set('a/short?ttl=60', '1');
  await set('a/long', '1');
  gateway.clock.advance(59_999);
  expect((await get('a/short')).status).toBe(200);
  gateway.clock.advance(1);
  expect((await get('a/short')).status).toBe(404);
  gateway.clock.advance(30 * 24 * 3_600_000 - 60_001);
  expect((await get('a/long')).status).toBe(200);
  gateway.clock.advance(1);
  expect((await get('a/long')).status).toBe(404);
});

it.each(['59', '2592001', '-60', '60.5', 'soon', ''])('refuses ttl=%s', async (ttl) => {
  expect(await set(`a/x?ttl=${ttl}`, '1')).toMatchObject({
    status: 400,
    json: { error: expect.stringContaining('60') },
  });
  expect((await get('a/x')).status).toBe(404);
});

it('refuses what is no text, no key or over a limit, and says so', async () => {
  expect(await set('a/x', Buffer.from([0xff, 0xfe]))).toMatchObject({
    status: 400,
    json: { error: expect.stringContaining('UTF-8') },
  });
  expect((await set(`a/${'k'.repeat(LIMITS.kvKeyBytes + 1)}`, '1')).status).toBe(414);
  expect((await set('a/x', Buffer.alloc(LIMITS.kvValueBytes + 1, 'x'))).status).toBe(413);
  expect((await set('a', '1')).json).toEqual({ error: expect.stringContaining('/set/{db}/{key}') });
  expect((await gateway.call(`${KV}/get/a/x`, { method: 'POST' })).status).toBe(405);
});

it('lets a token for the CDN in, and no other', async () => {
  const token = (await gateway.post('https://rest.fal.ai/storage/auth/token?storage_type=fal-cdn-v3', {})).json;
  const headers = { authorization: `${token.token_type} ${token.token}` };
  expect((await gateway.call(`${KV}/set/a/x`, { method: 'PUT', headers, body: '1' })).status).toBe(200);
  const app = (await gateway.post('https://rest.fal.ai/tokens/', { allowed_apps: ['me/app'] })).json;
  expect((await gateway.call(`${KV}/get/a/x`, { headers: { authorization: `Bearer ${app}` } })).status).toBe(401);
});
