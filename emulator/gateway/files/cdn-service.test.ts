import { createHash, randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Answer, EXEC_KEY, GatewayServer } from '../../../test/support/gateway-server.ts';

let gw: GatewayServer;

beforeEach(async () => {
  gw = await GatewayServer.start();
});

afterEach(async () => {
  await gw.dispose();
  expect(gw.errors).toEqual([]);
});

const local = (url: unknown): string => String(url).replace(gw.url, '');
const put = (target: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Answer> =>
  gw.call(target, { method: 'PUT', body, headers });
const upload = async (body: string | Uint8Array, headers: Record<string, string> = {}): Promise<string> => {
  const answer = await gw.call('/files/upload', {
    method: 'POST',
    body,
    headers: { 'content-type': 'text/plain', 'x-fal-file-name': 'a b/../x.txt', ...headers },
  });
  expect(answer.status, answer.text).toBe(200);
  return local(answer.json.access_url);
};

describe('upload in one piece', () => {
  test.each(['fal-cdn-v3', 'gcs'])('51, 53: initiate with storage_type=%s, PUT, GET the same bytes', async (type) => {
    const begun = await gw.post(`/storage/upload/initiate?storage_type=${type}`, {
      file_name: 'cat.png',
      content_type: 'image/png',
    });
    const bytes = randomBytes(200_000);
    expect((await gw.call(local(begun.json.file_url))).status).toBe(404);
    expect((await put(local(begun.json.upload_url), bytes)).status).toBe(200);
    const got = await gw.call(local(begun.json.file_url));
    expect(got.body.equals(bytes)).toBe(true);
    expect(got.headers).toMatchObject({
      'content-type': 'image/png',
      'content-length': '200000',
      'x-content-type-options': 'nosniff',
      'accept-ranges': 'bytes',
    });
    expect(local(begun.json.file_url)).toMatch(/^\/files\/wt-[0-9a-f]{32}\/cat\.png$/);
  });

  test('53: POST /files/upload with a CDN token of /storage/auth/token', async () => {
    const auth = await gw.post('https://rest.fal.ai/storage/auth/token?storage_type=fal-cdn-v3', {});
    expect(auth.json).toMatchObject({ token_type: 'Bearer', base_url: 'https://v3.fal.media' });
    expect(auth.json.expires_at).toMatch(/\+00:00$/);
    expect(Date.parse(String(auth.json.expires_at)) - gw.clock.now()).toBeGreaterThan(24 * 3_600_000);
    const headers = { authorization: `Bearer ${auth.json.token}`, 'content-type': 'text/plain' };
    const sent = await gw.call('https://v3.fal.media/files/upload', { method: 'POST', body: 'hello', headers });
    expect(sent.json.access_url).toMatch(/^https:\/\/v3\.fal\.media\/files\/wt-[0-9a-f]{32}\/file\.bin$/);
    const path = String(sent.json.access_url).replace('https://v3.fal.media', '');
    for (const target of [String(sent.json.access_url), path, `https://v3b.fal.media${path}`]) {
      expect((await gw.call(target)).text).toBe('hello');
    }
    gw.clock.advance(49 * 3_600_000);
    expect((await gw.call('/files/upload', { method: 'POST', body: 'x', headers })).status).toBe(401);
  });

  test('an empty file, a file name with a path, and a content type that is none', async () => {
    const path = await upload('', { 'content-type': 'nonsense\u00e9' });
    expect(path).toMatch(/\/x\.txt$/);
    const got = await gw.call(path);
    expect([got.status, got.text, got.headers['content-length']]).toEqual([200, '', '0']);
  });

  test('a sent key or none, a page without key: the upload address alone is the permission', async () => {
    const begun = await gw.post('/storage/upload/initiate', { file_name: 'a.txt', content_type: 'text/plain' });
    const page = await put(local(begun.json.upload_url), 'x', { origin: 'http://localhost:3000' });
    expect([page.status, page.headers['access-control-allow-origin']]).toEqual([200, 'http://localhost:3000']);
    expect((await put(local(begun.json.upload_url), 'y', { authorization: 'Key a:b' })).status).toBe(200);
    expect((await gw.call(local(begun.json.file_url))).text).toBe('y');
    const guess = await put('/files/uploads/0123', 'x');
    expect([guess.status, guess.headers['x-windtunnel-error']]).toEqual([404, 'E_FILE_GONE']);
  });

  test('an upload that breaks off leaves nothing and publishes nothing', async () => {
    const begun = await gw.post('/storage/upload/initiate', { file_name: 'a.bin' });
    const sent = request({
      host: '127.0.0.1',
      port: gw.port,
      path: local(begun.json.upload_url),
      method: 'PUT',
      headers: { 'content-length': '1000000' },
    });
    sent.on('error', () => undefined);
    sent.write(Buffer.alloc(300_000));
    await expect.poll(() => readdirSync(join(gw.filesDir, 'tmp'))).toHaveLength(1);
    sent.destroy();
    await expect.poll(() => readdirSync(join(gw.filesDir, 'tmp'))).toEqual([]);
    expect(readdirSync(gw.filesDir)).toEqual(['tmp']);
    expect((await gw.call(local(begun.json.file_url))).status).toBe(404);
  });

  test('a file over the limit is 413', async () => {
    const begun = await gw.post('/storage/upload/initiate', { file_name: 'a.bin' });
    const sent = request({
      host: '127.0.0.1',
      port: gw.port,
      path: local(begun.json.upload_url),
      method: 'PUT',
      headers: { 'content-length': String(9 * 2 ** 30) },
    });
    sent.on('error', () => undefined);
    sent.flushHeaders();
    expect(await new Promise((resolve) => sent.on('response', (res) => resolve(res.statusCode)))).toBe(413);
    sent.destroy();
  });
});

describe('upload in parts', () => {
  const parts = [randomBytes(70_000), randomBytes(70_000), Buffer.alloc(0), randomBytes(10)];
  const whole = Buffer.concat(parts);
  const order = [3, 1, 4, 2];

  test('52: v3: parts out of order, one of zero bytes; ETag in header and body; the same bytes', async () => {
    const begun = await gw.post('/storage/upload/initiate-multipart?storage_type=fal-cdn-v3', {
      file_name: 'b.bin',
      content_type: 'application/x-b',
    });
    const base = local(begun.json.upload_url);
    const done: { partNumber: number; etag: string }[] = [];
    await Promise.all(
      order.map(async (number) => {
        const answer = await put(`${base}/${number}?x=1`, parts[number - 1]!);
        expect(answer.json).toEqual({ partNumber: number, etag: answer.headers.etag });
        done.push({ partNumber: number, etag: String(answer.headers.etag) });
      }),
    );
    expect((await gw.call(local(begun.json.file_url))).status).toBe(404);
    const complete = () => gw.post(`${base}/complete?x=1`, { parts: done });
    expect((await complete()).status).toBe(200);
    expect((await complete()).status).toBe(200);
    const got = await gw.call(local(begun.json.file_url));
    expect(createHash('sha256').update(got.body).digest('hex')).toBe(createHash('sha256').update(whole).digest('hex'));
    expect(got.headers['content-type']).toBe('application/x-b');
    expect(readdirSync(join(gw.filesDir, 'tmp'))).toEqual([]);
  });

  test('53: gcs: an address for each part, part_number in the end', async () => {
    const begun = await gw.post('/storage/upload/initiate-multipart?storage_type=gcs', { file_name: 'b.bin' });
    const done: { part_number: number; etag: string }[] = [];
    for (const number of order) {
      const address = await gw.post(`${local(begun.json.upload_url)}/${number}`, {});
      const answer = await put(local(address.json.upload_url), parts[number - 1]!);
      done.push({ part_number: number, etag: String(answer.headers.etag) });
    }
    expect((await gw.post(`${local(begun.json.upload_url)}/complete`, { parts: done })).status).toBe(200);
    expect((await gw.call(local(begun.json.file_url))).body.equals(whole)).toBe(true);
  });

  test('54: the CDN form: access_url and uploadId', async () => {
    const begun = await gw.call('/files/upload/multipart', {
      method: 'POST',
      headers: { 'x-fal-file-name': 'c.mp4', 'content-type': 'video/mp4' },
    });
    const base = `${local(begun.json.access_url)}/multipart/${begun.json.uploadId}`;
    const done: { partNumber: number; etag: string }[] = [];
    for (const number of order) {
      const answer = await put(`${base}/${number}`, parts[number - 1]!);
      done.push({ partNumber: number, etag: String(answer.headers.etag) });
    }
    expect((await gw.post(`${base}/complete`, { parts: done })).status).toBe(200);
    const got = await gw.call(local(begun.json.access_url));
    expect([got.headers['content-type'], got.body.equals(whole)]).toEqual(['video/mp4', true]);
  });

  test.each([
    ['no parts', { parts: [] }],
    ['a part that was not sent', { parts: [{ partNumber: 7, etag: 'x' }] }],
    ['a wrong ETag', { parts: [{ partNumber: 1, etag: '"00"' }] }],
    ['no list', { parts: 'all' }],
    ['a part without a number', { parts: [{ etag: 'x' }] }],
  ])('complete with %s is 400 and can be mended', async (_name, body) => {
    const begun = await gw.post('/storage/upload/initiate-multipart', { file_name: 'b.bin' });
    const base = local(begun.json.upload_url);
    await put(`${base}/1`, 'one');
    expect((await gw.post(`${base}/complete`, body)).status).toBe(400);
    expect((await gw.post(`${base}/complete`, { parts: [{ partNumber: 1 }] })).status).toBe(200);
    expect((await gw.call(local(begun.json.file_url))).text).toBe('one');
  });

  test.each(['0', '10001', 'x'])('part number %s is 400', async (number) => {
    const begun = await gw.post('/storage/upload/initiate-multipart', { file_name: 'b.bin' });
    expect((await put(`${local(begun.json.upload_url)}/${number}`, 'one')).status).toBe(400);
  });

  test('an upload that nobody ends is forgotten after a day', async () => {
    const begun = await gw.post('/storage/upload/initiate-multipart', { file_name: 'b.bin' });
    await put(`${local(begun.json.upload_url)}/1`, 'one');
    gw.clock.advance(25 * 3_600_000);
    await gw.post('/storage/upload/initiate', { file_name: 'next.bin' });
    await expect.poll(() => readdirSync(join(gw.filesDir, 'tmp'))).toEqual([]);
    expect((await put(`${local(begun.json.upload_url)}/2`, 'two')).status).toBe(404);
  });
});

describe('reading', () => {
  test.each([
    ['bytes=0-3', 206, 'hell', 'bytes 0-3/11'],
    ['bytes=6-', 206, 'world', 'bytes 6-10/11'],
    ['bytes=-5', 206, 'world', 'bytes 6-10/11'],
    ['bytes=99-', 416, '', 'bytes */11'],
    ['bytes=0-1,3-4', 200, 'hello world', undefined],
  ])('Range %s is %i', async (range, status, text, contentRange) => {
    const path = await upload('hello world');
    const answer = await gw.call(path, { headers: { range } });
    expect([answer.status, answer.text, answer.headers['content-range']]).toEqual([status, text, contentRange]);
    expect(answer.headers['content-length']).toBe(String(text.length));
  });

  test('HEAD, If-None-Match and If-Range', async () => {
    const path = await upload('hello world');
    const head = await gw.call(path, { method: 'HEAD' });
    expect([head.status, head.text, head.headers['content-length']]).toEqual([200, '', '11']);
    const etag = String(head.headers.etag);
    expect((await gw.call(path, { headers: { 'if-none-match': etag } })).status).toBe(304);
    expect((await gw.call(path, { headers: { range: 'bytes=0-0', 'if-range': etag } })).status).toBe(206);
    expect((await gw.call(path, { headers: { range: 'bytes=0-0', 'if-range': '"old"' } })).status).toBe(200);
  });

  test.each(['text/xml', 'image/svg+xml', 'application/rss+xml', 'Application/Atom+XML; charset=utf-8', 'text/xsl'])(
    'of type %s is sandboxed: browsers run the scripts of any XML, and take the last of several types',
    async (type) => {
      const path = await upload('<x/>', { 'content-type': type });
      expect((await gw.call(path)).headers['content-security-policy']).toBe('sandbox');
    },
  );

  test('needs no key, even from a page; a foreign page is refused; a page that an app made is sandboxed', async () => {
    const path = await upload('<script>1</script>', { 'content-type': 'text/html' });
    const page = await gw.call(path, { headers: { origin: 'http://localhost:3000' } });
    expect([page.status, page.headers['access-control-allow-origin']]).toEqual([200, 'http://localhost:3000']);
    expect(page.headers['content-security-policy']).toBe('sandbox');
    expect((await gw.call(path, { headers: { origin: 'https://evil.example' } })).status).toBe(403);
    expect((await gw.call(path, { headers: { 'sec-fetch-site': 'cross-site' } })).status).toBe(200);
  });

  test.each([
    ['X-Fal-Object-Lifecycle', 3600],
    ['X-Fal-Object-Lifecycle-Preference', 3600],
    ['X-Fal-Object-Lifecycle-Preference', '3600'],
  ])('55: %s of %j seconds ends a file with the clock', async (name, expiration_duration_seconds) => {
    const path = await upload('soon gone', {
      [name]: JSON.stringify({ expiration_duration_seconds, initial_acl: { default: 'allow' } }),
    });
    gw.clock.advance(3_599_000);
    expect((await gw.call(path)).status).toBe(200);
    await gw.clock.advanceAsync(2_000);
    const answer = await gw.call(path);
    expect([answer.status, answer.headers['x-windtunnel-error']]).toEqual([404, 'E_FILE_GONE']);
  });

  test('55: an ACL is asked: forbid is 403, hide 404, and the uploader reads all the same', async () => {
    const key = { authorization: `Key ${EXEC_KEY}` };
    const acl = (initial_acl: unknown) => ({ 'x-fal-object-lifecycle': JSON.stringify({ initial_acl }), ...key });
    const forbidden = await upload('mine', acl({ default: 'forbid' }));
    expect((await gw.call(forbidden)).status).toBe(403);
    expect((await gw.call(forbidden, { headers: key })).text).toBe('mine');
    const hidden = await upload('mine', acl({ default: 'hide' }));
    const answer = await gw.call(hidden);
    expect([answer.status, answer.headers['x-windtunnel-error']]).toEqual([404, 'E_FILE_GONE']);
    gw.connection = { via: 'tunnel', tls: false, identity: { runner: 'r', app: 'local/app' } };
    expect((await gw.call(hidden)).text, 'an app here reads as the owner').toBe('mine');
    const bad = await gw.post(
      '/storage/upload/initiate',
      {},
      { 'x-fal-object-lifecycle': '{"initial_acl":{"default":"no"}}' },
    );
    expect([bad.status, bad.json.detail]).toEqual([400, expect.stringContaining('initial_acl.default')]);
  });

  test('55: expired files leave the disk without being asked for; others stay', async () => {
    await upload('soon gone', { 'x-fal-object-lifecycle': '{"expiration_duration_seconds":1}' });
    const kept = await upload('kept', { 'x-fal-object-lifecycle': '{}' });
    expect(readdirSync(gw.filesDir)).toHaveLength(5);
    await gw.clock.advanceAsync(3_600_000);
    await expect.poll(() => readdirSync(gw.filesDir)).toHaveLength(3);
    expect((await gw.call(kept)).text).toBe('kept');
  });

  test.each(['https://v3.fal.media/files/koala/abc_x.png', 'https://fal.media/other.png', '/files/monkey/y.png'])(
    '71: %s is not here, was not fetched, and says what to do',
    async (target) => {
      const answer = await gw.call(target);
      expect([answer.status, answer.headers['x-windtunnel-error']]).toEqual([404, 'E_REMOTE_FILE']);
      expect(answer.json.hint).toContain('Upload it here');
      expect(answer.json.hint).toContain('without `windtunnel exec`');
    },
  );

  test.each([
    ['PUT', '/files/wt-00000000000000000000000000000000/x', 405],
    ['DELETE', '/files/wt-00000000000000000000000000000000/x', 405],
    ['GET', '/files/upload', 405],
    ['GET', '/files/wt-../../../etc/passwd', 404],
    ['GET', '/files/wt-00000000000000000000000000000000%2f..%2fx', 404],
  ])('%s %s is %i', async (method, path, status) => {
    expect((await gw.call(path, { method })).status).toBe(status);
  });
});

describe('tokens', () => {
  test('/tokens/ answers a JSON string, /tokens/realtime an object', async () => {
    const plain = await gw.post('https://rest.fal.ai/tokens/', { allowed_apps: ['pixels'], token_expiration: 120 });
    expect(plain.headers['content-type']).toBe('application/json');
    expect(plain.json).toMatch(/^ey[\w-]+\.[\w-]+\.[\w-]+$/);
    for (const body of [{ allowed_apps: ['me/pixels/realtime'], duration: 120 }, { app: 'me/pixels' }]) {
      expect((await gw.post('/tokens/realtime', body)).json.token).toMatch(/^ey/);
    }
  });

  test.each([
    ['no apps', {}],
    ['a life of zero', { allowed_apps: ['a'], token_expiration: 0 }],
    ['a life over a day', { allowed_apps: ['a'], token_expiration: 1e9 }],
    ['apps that are no names', { allowed_apps: [1] }],
  ])('%s is 400', async (_name, body) => {
    expect((await gw.post('/tokens/', body)).status).toBe(400);
  });

  test('invalid JSON, a JSON list and a wrong method say so', async () => {
    const bad = await gw.call('/tokens/', { method: 'POST', body: '{oops' });
    expect([bad.status, bad.headers['x-windtunnel-error']]).toEqual([400, 'E_BAD_REQUEST']);
    expect(bad.json.detail).toContain('not valid JSON');
    expect((await gw.call('/tokens/', { method: 'POST', body: '[]' })).status).toBe(400);
    expect((await gw.call('/tokens/')).status).toBe(405);
  });
});
