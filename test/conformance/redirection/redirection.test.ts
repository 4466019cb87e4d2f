import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isFalHost } from '../../../emulator/gateway/port/hosts.ts';
import { emptyNetwork } from '../../support/namespace.ts';
import { testPython } from '../../support/python.ts';
import { requires } from '../../support/skip.ts';
import type { SessionResult, SessionSpec } from './session.ts';

const here = (name: string) => join(import.meta.dirname, name);
const isolation = emptyNetwork({ mounts: false }) ?? [];
const TIMEOUT_MS = 120_000;

/** A shell that would lead clients elsewhere by every means known. */
const HOSTILE = {
  NO_PROXY: '*, fal.run .fal.ai,fal.media,run',
  no_proxy: 'https://,n',
  No_Proxy: '*',
  Https_Proxy: 'http://127.0.0.1:9',
  grpc_proxy: 'http://127.0.0.1:9',
  no_grpc_proxy: 'fal.ai',
  wss_proxy: 'http://127.0.0.1:9',
  socks_proxy: 'socks5://127.0.0.1:9',
  HTTPS_PROXY: 'http://127.0.0.1:9',
  ALL_PROXY: 'http://127.0.0.1:9',
  SSL_CERT_FILE: '/nowhere.pem',
  REQUESTS_CA_BUNDLE: '/nowhere.pem',
  NODE_EXTRA_CA_CERTS: '/nowhere.pem',
  NODE_OPTIONS: '--no-warnings',
  FAL_HOST: 'api.elsewhere.example',
  FAL_RUN_HOST: 'elsewhere.example',
  FAL_QUEUE_RUN_HOST: 'elsewhere.example',
  FAL_REST_HOST: 'elsewhere.example',
  FAL_KEY: 'real-id:real-secret',
  FAL_KEY_ID: 'real-id',
  FAL_KEY_SECRET: 'real-secret',
  ISOLATE_TEST_MODE: '1',
};

let python: string;
const home = mkdtempSync(join(tmpdir(), 'windtunnel-home-'));
beforeAll(async () => {
  python = await testPython();
  mkdirSync(join(home, '.fal'));
  const profile =
    '[__internal__]\nprofile = "work"\n[work]\nkey = "real-id:real-secret"\nhost = "api.elsewhere.example"\n';
  writeFileSync(join(home, '.fal', 'config.toml'), profile);
}, 15 * 60_000);
afterAll(() => rmSync(home, { recursive: true }));

async function session(spec: Partial<SessionSpec> & Pick<SessionSpec, 'clients'>): Promise<SessionResult> {
  const [command = '', ...args] = [...isolation, process.execPath, '--no-warnings', here('session.ts')];
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.on('error', () => undefined);
  child.stdin.end(JSON.stringify({ env: {}, down: [], stripped: false, ...spec } satisfies SessionSpec));
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  await new Promise((resolve) => child.once('close', resolve));
  return JSON.parse(Buffer.concat(chunks).toString('utf8')) as SessionResult;
}

/** What each case of a client program came to: null or its error. */
function cases(result: SessionResult, client: string): Record<string, string | null> {
  const { stdout, stderr } = result.clients[client] ?? { stdout: '', stderr: 'did not run' };
  const lines = stdout.split('\n').filter((line) => line !== '');
  if (lines.length === 0) throw new Error(stderr);
  return Object.fromEntries(lines.map((line) => JSON.parse(line) as [string, string | null]));
}

function expectAllRedirected(result: SessionResult, client: string, atLeast: number): void {
  const outcome = cases(result, client);
  expect(Object.entries(outcome).filter(([, error]) => error !== null)).toEqual([]);
  expect(Object.keys(outcome).length).toBeGreaterThanOrEqual(atLeast);
  expect(result.arrivals.every(({ host }) => isFalHost(host))).toBe(true);
  expect(result.arrivals.filter(({ authorization }) => authorization?.includes('real'))).toEqual([]);
  expect(result.left).toEqual([]);
  expect(result.log).toEqual([]);
}

const hosts = (result: SessionResult) => new Set(result.arrivals.map(({ host }) => host));

describe.each([
  ['a plain shell', {}],
  ['a hostile shell', HOSTILE],
])('exec from %s', (_, env) => {
  it('leads every Python client here', { timeout: TIMEOUT_MS }, async () => {
    const result = await session({ env: { HOME: home, ...env }, clients: { python: [python, here('clients.py')] } });
    expectAllRedirected(result, 'python', 28);
    expect(hosts(result)).toEqual(
      new Set([
        'fal.run',
        'queue.fal.run',
        'ws.fal.run',
        'rest.fal.ai',
        'rest.alpha.fal.ai',
        'v3.fal.media',
        'falrun.com',
        'queue.falrun.com',
      ]),
    );
    expect(result.arrivals.every(({ via, tls }) => via === 'connect' && tls)).toBe(true);
  });

  it('leads every Node client here', { timeout: TIMEOUT_MS }, async () => {
    const result = await session({
      env: { HOME: home, ...env },
      clients: { node: [process.execPath, here('clients.mjs')] },
    });
    expectAllRedirected(result, 'node', 18);
    expect(hosts(result)).toEqual(new Set(['fal.run', 'queue.fal.run', 'rest.fal.ai', 'v3.fal.media']));
  });
});

describe('exec from a hostile shell', () => {
  it("leads curl and the CLI's REST calls here", { timeout: TIMEOUT_MS }, async () => {
    const curl = ['curl', '-sSf', '-m', '10'];
    const result = await session({
      env: { HOME: home, ...HOSTILE },
      clients: {
        curl: [...curl, 'https://fal.run/echo'],
        'curl, HTTP/2 offered': [...curl, '--http2', 'https://queue.fal.run/echo'],
        'fal auth whoami': [python, '-m', 'fal', 'auth', 'whoami'],
      },
    });
    for (const [name, client] of Object.entries(result.clients)) {
      expect([name, client]).toEqual([name, expect.objectContaining({ code: 0 })]);
    }
    expect(hosts(result)).toEqual(new Set(['fal.run', 'queue.fal.run', 'rest.alpha.fal.ai']));
    expect(result.arrivals.filter(({ authorization }) => authorization?.includes('real'))).toEqual([]);
  });
});

describe('the backup domains of fal_client', () => {
  it('stay here when the first ones are down', { timeout: TIMEOUT_MS }, async () => {
    const calls = ['fal_client.run', 'fal_client.run_async', 'fal_client.submit', 'fal_client.stream'];
    const result = await session({
      env: { HOME: home },
      down: ['fal.run', 'queue.fal.run'],
      clients: { python: [python, here('clients.py'), ...calls] },
    });
    expectAllRedirected(result, 'python', calls.length);
    expect(hosts(result)).toEqual(new Set(['falrun.com', 'queue.falrun.com']));
  });
});

// Outside a namespace this would call the real fal.
describe('without exec', () => {
  beforeEach(requires('networkNamespace'));

  it('nothing arrives and every call fails: the suite above can fail', { timeout: TIMEOUT_MS }, async () => {
    const calls = ['httpx', 'urllib', 'requests', 'websockets', 'aiohttp'];
    const result = await session({
      env: { HOME: home },
      stripped: true,
      clients: {
        python: [python, here('clients.py'), ...calls],
        node: [process.execPath, '-e', 'fetch("https://fal.run")'],
      },
    });
    const outcome = cases(result, 'python');
    expect(Object.keys(outcome)).toEqual(calls);
    expect(Object.values(outcome)).not.toContain(null);
    expect(result.clients.node?.code).not.toBe(0);
    expect(result.arrivals).toEqual([]);
  });
});
