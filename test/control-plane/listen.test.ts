import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { networkInterfaces } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { EmulatorUnderTest, type RunResult } from '../support/emulator.ts';
import { testPython } from '../support/python.ts';
import { requires } from '../support/skip.ts';
import { fal, tryFal } from './fal-cli.ts';

// `up --listen`: clients come by an address of this machine that is not loopback, as those of another machine do.
let emulator: EmulatorUnderTest;
let url = '';
let host = '';
let ca = '';
let key = '';
const address = Object.values(networkInterfaces())
  .flatMap((all) => all ?? [])
  .find((one) => one.family === 'IPv4' && !one.internal)?.address;

beforeAll(async () => {
  if (address === undefined) return;
  emulator = await EmulatorUnderTest.prepare(
    ['shop.py', 'version.txt'].map((file) => path.join(import.meta.dirname, 'apps', file)),
  );
  await emulator.boot(['--listen', address]);
  const shown = JSON.parse((await emulator.cli('up', '--json')).stdout);
  ({ url } = shown.remote);
  host = new URL(url).host;
  ca = readFileSync(shown.remote.caFile, 'utf8');
}, 300_000);

afterAll(() => emulator?.dispose(), 120_000);

beforeEach(requires('outerAddress'));

/** What somebody on another machine sets: nothing of `exec`. */
function elsewhere(): NodeJS.ProcessEnv {
  const caFile = path.join(path.dirname(emulator.entry.remote?.caFile ?? ''), 'remote-ca.pem');
  return {
    ...emulator.env,
    NO_PROXY: '*',
    NO_COLOR: '1',
    FAL_KEY: key,
    FAL_GRPC_HOST: host,
    FAL_REST_HOST: host,
    FAL_RUN_HOST: `${host}/run`,
    FAL_QUEUE_RUN_HOST: `${host}/queue`,
    SSL_CERT_FILE: caFile,
    GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: caFile,
  };
}

async function falElsewhere(...args: string[]): Promise<RunResult> {
  const command = path.join(path.dirname(await testPython()), 'fal');
  return promisify(execFile)(command, args, { env: elsewhere(), cwd: emulator.workspace }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }: RunResult) => ({ code, stdout, stderr }),
  );
}

/** One HTTPS request with the port's certificate. */
function get(target: string, headers: Record<string, string> = {}): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    const request = https.get(`${url}${target}`, { ca, headers, servername: '', agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve([response.statusCode ?? 0, text]));
    });
    request.on('error', reject);
  });
}

test('without TLS it says so, and nothing else; on loopback it is as ever', async () => {
  const plain = await fetch(url.replace('https', 'http'), { headers: { authorization: `Key ${key}` } });
  expect([plain.status, await plain.text()]).toEqual([
    426,
    'E_TLS_ONLY: this port is served to other machines over TLS alone; call it by https://\n',
  ]);
  expect((await fetch(`${emulator.url}/health`)).status).toBe(200);
});

test('no client takes it for another that does not have its certificate, and it has none for other names', async () => {
  await expect(fetch(url)).rejects.toThrow('fetch failed');
  const { servername, ...rest } = { servername: 'fal.run', ca, agent: false };
  await expect(
    new Promise((resolve, reject) => https.get(url, { ...rest, servername }, resolve).on('error', reject)),
  ).rejects.toThrow();
});

test('without a key nobody calls an app, asks or administers; it is no proxy', async () => {
  for (const target of ['/run/local/shop', '/queue/local/shop/requests/x/status', '/users/current', '/kv/get/a/b']) {
    const [status, text] = await get(target);
    expect([status, text], target).toEqual([401, expect.stringContaining('key')]);
  }
  const [status] = await get('/run/local/shop', { host: 'fal.run' });
  expect(status).toBe(421);
  key = 'some:body';
  const refused = await falElsewhere('apps', 'list');
  expect(refused.code).not.toBe(0);
  expect(refused.stdout + refused.stderr).toContain('not a key of this emulator');
});

test('with a key that its owner made, the fal CLI and the Python client do all from there', async () => {
  const made = await fal(emulator, 'keys', 'create', '--scope', 'ADMIN', '--desc', 'for a colleague');
  key = /FAL_KEY=['"]?([\w-]+:[\w-]+)/.exec(made)?.[1] ?? '';
  const deployed = await falElsewhere('deploy', 'shop.py::Shop');
  expect(deployed.code, deployed.stdout + deployed.stderr).toBe(0);
  expect(deployed.stdout).toContain(`${url}/run/local/shop`);
  const listed = await falElsewhere('apps', 'list', '--output', 'json');
  expect(listed.stdout).toContain('"alias": "shop"');

  const program = `
import fal_client
print(fal_client.run("local/shop", arguments={"n": 1})["n"])
handle = fal_client.submit("local/shop", arguments={"n": 5})
print(handle.get()["n"], handle.status_url)
`;
  const { stdout } = await promisify(execFile)(await testPython(), ['-c', program], { env: elsewhere() });
  expect(stdout).toMatch(new RegExp(`^2\\n6 ${url}/queue/local/shop/requests/`));
}, 300_000);

test('and no longer once it is revoked', async () => {
  await fal(emulator, 'keys', 'revoke', key.split(':')[0] ?? '');
  expect((await falElsewhere('apps', 'list')).code).not.toBe(0);
  expect((await get('/run/local/shop', { authorization: `Key ${key}` }))[0]).toBe(401);
}, 120_000);

test('what cannot be listened on, or runs already without it, is refused with a line', async () => {
  const other = await EmulatorUnderTest.prepare([]);
  try {
    for (const [asked, exit, message] of [
      ['127.0.0.1', 1, '127.0.0.1 is no address of this machine that others reach'],
      ['198.51.100.7', 1, '198.51.100.7 is no address of this machine that others reach'],
      ['a b', 1, 'Not an address to listen on: "a b"'],
      [`${address}:${new URL(url).port}`, 3, `Port ${new URL(url).port} is used by`],
    ] as const) {
      const { code, stderr } = await other.cli('up', '--port', '0', '--listen', asked);
      expect([code, stderr], asked).toEqual([exit, expect.stringContaining(message)]);
    }
    await other.boot();
    const { code, stderr } = await other.cli('up', '--listen', address ?? '');
    expect([code, stderr]).toEqual([1, expect.stringMatching(/serves this machine alone\. \[E_LISTEN\]/)]);
  } finally {
    await other.dispose();
  }
  expect((await tryFal(emulator, 'apps', 'list')).code).toBe(0);
}, 300_000);
