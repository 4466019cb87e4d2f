import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { GatewayServer } from '../../../test/support/gateway-server.ts';

const SECRET = 'outside of the root';

let gw: GatewayServer;

beforeAll(async () => {
  gw = await GatewayServer.start();
  writeFileSync(join(gw.folder, 'secret'), SECRET);
  writeFileSync(join(gw.folder, 'secret.bin'), SECRET);
  writeFileSync(
    join(gw.folder, 'secret.json'),
    JSON.stringify({ id: 'secret', name: 'secret', contentType: 'text/plain' }),
  );
  mkdirSync(join(gw.folder, 'files', 'wt-not-an-id'), { recursive: true });
});

afterAll(() => gw.dispose());

/** What stands in paths that lead out: dots and slashes in every spelling, ids, names of this store. */
const piece = fc.constantFrom(
  ...[
    '..',
    '.',
    '',
    '%2e%2e',
    '%2E.',
    '..%2f',
    '%2f',
    '%5c',
    '\\',
    '..\\',
    '%00',
    '%252e%252e',
    '..;',
    '....',
    '~',
    '*',
  ],
  ...['files', 'upload', 'uploads', 'multipart', 'complete', 'tmp', 'secret', 'secret.bin', 'secret.json', 'b', '1'],
  ...[`wt-${'0'.repeat(32)}`, `wt-${'0'.repeat(31)}/`, 'wt-../../secret', '%77t-0', 'etc', 'passwd'],
);
const path = fc.array(piece, { minLength: 1, maxLength: 8 }).map((pieces) => `/files/${pieces.join('/')}`);
const name = fc.oneof(
  path.map((text) => text.slice(1)),
  fc.string({ maxLength: 300 }).map((text) => text.replaceAll(/[^\x20-\x7e]/g, '_')),
);

test('no path reads or writes outside of the root', async () => {
  const method = fc.constantFrom('GET', 'PUT', 'POST', 'HEAD', 'DELETE');
  await fc.assert(
    fc.asyncProperty(path, method, async (target, method) => {
      const answer = await gw.call(target, { method, ...(method === 'GET' || method === 'HEAD' ? {} : { body: 'x' }) });
      expect(answer.text).not.toContain(SECRET);
      // Only a whole upload is taken as it comes.
      if (answer.status < 300) expect([method, target]).toEqual(['POST', expect.stringMatching(/^\/files\/upload/)]);
    }),
    { numRuns: 500 },
  );
  expect(readFileSync(join(gw.folder, 'secret'), 'utf8')).toBe(SECRET);
  expect(readdirSync(gw.folder).sort()).toEqual(['files', 'secret', 'secret.bin', 'secret.json']);
  expect(gw.errors).toEqual([]);
});

test('a file’s name never chooses its place, and its URL leads back to it', async () => {
  await fc.assert(
    fc.asyncProperty(name, async (fileName) => {
      const begun = await gw.post('/storage/upload/initiate', { file_name: fileName, content_type: 'text/plain' });
      const { upload_url, file_url } = begun.json as unknown as Record<string, string>;
      expect(file_url).toMatch(/\/files\/wt-[0-9a-f]{32}\/[\w.-]+$/);
      await gw.call(upload_url!.replace(gw.url, ''), { method: 'PUT', body: fileName });
      expect((await gw.call(file_url!.replace(gw.url, ''))).text).toBe(fileName);
    }),
    { numRuns: 200 },
  );
  const kept = readdirSync(join(gw.folder, 'files'));
  expect(kept.filter((entry) => !/^(wt-[0-9a-f]{32}\.(bin|json)|tmp|wt-not-an-id)$/.test(entry))).toEqual([]);
  expect(readdirSync(gw.folder).sort()).toEqual(['files', 'secret', 'secret.bin', 'secret.json']);
});
