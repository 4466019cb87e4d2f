import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Browser, Frame, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { launchChromium } from '../support/chromium.ts';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { PageServer } from '../support/page-server.ts';
import { requires } from '../support/skip.ts';
import { openPorts } from './open-ports.ts';

/** Something of the emulator that a page may not reach. */
interface Surface {
  what: string;
  url: string;
  method?: string;
  body?: string;
  headers?: Record<string, string>;
}
interface Finding {
  surface: string;
  by: string;
  seen: string | null;
}

const SCRIPT = readFileSync(path.join(import.meta.dirname, 'foreign-page.js'), 'utf8');
const EVIL = ['evil.example', '127.0.0.1.evil.example', 'localhost.evil.example'];
const SANDBOXED = `<iframe sandbox="allow-scripts allow-forms" srcdoc="<body></body>"></iframe>`;

let emulator: EmulatorUnderTest;
let site: PageServer;
let browser: Browser;
let key: string;
let ports: number[];

beforeAll(async () => {
  emulator = await EmulatorUnderTest.start([path.join(import.meta.dirname, '../conformance/apps')]);
  await Promise.all([emulator.run('apps/probe.py'), emulator.run('apps/live.py')]);
  key = (await emulator.execEnv()).FAL_KEY ?? '';
  ports = process.platform === 'linux' ? openPorts(emulator.folder) : [];
  site = await PageServer.start({ '/': '<body></body>', '/sandbox': SANDBOXED });
}, 300_000);

afterAll(async () => {
  await browser?.close();
  await site?.dispose();
  await emulator?.dispose();
});

beforeEach(requires('chromium'));
beforeEach(async () => {
  browser ??= await launchChromium([...EVIL, 'evil.localhost']);
});

const post = async (pathname: string, body: unknown): Promise<unknown> => {
  const headers = { 'content-type': 'application/json', authorization: `Key ${key}` };
  const answer = await fetch(`${emulator.url}${pathname}`, { method: 'POST', headers, body: JSON.stringify(body) });
  return answer.json();
};

/** Real things of this emulator, whose addresses the page is assumed to know. */
async function surfaces(base: string): Promise<{ http: Surface[]; sockets: Surface[]; file: string; request: string }> {
  const { request_id: request } = (await post('/queue/local/probe/cancellable', { key: 'mine', seconds: 60 })) as {
    request_id: string;
  };
  const upload = (await post('/storage/upload/initiate', { file_name: 'a.txt', content_type: 'text/plain' })) as {
    upload_url: string;
    file_url: string;
  };
  await fetch(upload.upload_url, { method: 'PUT', body: 'secret of a file' });
  const token = (await post('/tokens/', { allowed_apps: ['probe', 'live'], token_expiration: 120 })) as string;
  const at = (url: string): string => url.replace(emulator.url, base);
  const evil = JSON.stringify({ key: 'evil' });
  const requests = `${base}/queue/local/probe/requests/${request}`;
  const withKey = { authorization: `Key ${key}` };
  const http: Surface[] = [
    { what: 'run', url: `${base}/run/local/probe`, method: 'POST', body: evil },
    { what: 'run with the key', url: `${base}/run/local/probe`, method: 'POST', body: evil, headers: withKey },
    { what: 'run by token', url: `${base}/run/local/probe?fal_jwt_token=${token}`, method: 'POST', body: evil },
    { what: 'run, production name', url: `${base}/_h/fal.run/local/probe`, method: 'POST', body: evil },
    { what: 'stream', url: `${base}/run/local/probe/stream`, method: 'POST', body: evil },
    { what: 'submit', url: `${base}/queue/local/probe`, method: 'POST', body: evil },
    { what: 'status', url: `${requests}/status?logs=1` },
    { what: 'status stream', url: `${requests}/status/stream` },
    { what: 'result', url: requests },
    { what: 'cancel', url: `${requests}/cancel`, method: 'PUT' },
    {
      what: 'proxy',
      url: `${base}/api/fal/proxy`,
      method: 'POST',
      body: evil,
      headers: proxied('https://fal.run/local/probe'),
    },
    { what: 'token', url: `${base}/tokens/`, method: 'POST', body: '{"allowed_apps":["probe"]}' },
    { what: 'upload', url: `${base}/storage/upload/initiate`, method: 'POST', body: '{"file_name":"e.txt"}' },
    { what: 'CDN upload', url: `${base}/files/upload`, method: 'POST', body: evil },
    { what: 'upload address', url: at(upload.upload_url), method: 'PUT', body: 'overwritten' },
    { what: 'CDN listing', url: `${base}/files/` },
    { what: 'KV', url: `${base}/kv/get/db/key` },
    { what: 'health', url: `${base}/health` },
    { what: 'root', url: `${base}/` },
    { what: 'control', url: `${base}/v1/shutdown`, method: 'POST', body: '{}' },
    ...ports.filter((port) => `http://127.0.0.1:${port}` !== emulator.url).flatMap(runnerPort),
  ];
  const ws = base.replace('http:', 'ws:');
  const sockets = [
    { what: 'realtime', url: `${ws}/run/local/live/realtime` },
    { what: 'realtime by token', url: `${ws}/run/local/live/realtime?fal_jwt_token=${token}` },
    { what: 'realtime, bad token', url: `${ws}/run/local/live/realtime?fal_jwt_token=x` },
    { what: 'HTTP over WebSocket', url: `${ws}/ws/local/live?fal_jwt_token=${token}` },
    { what: 'realtime, production name', url: `${ws}/_h/fal.run/local/live/realtime` },
  ];
  return { http, sockets, file: upload.file_url, request };
}

const proxied = (target: string): Record<string, string> => ({ 'x-fal-target-url': target });
const runnerPort = (port: number): Surface[] => [
  { what: `port ${port}`, url: `http://127.0.0.1:${port}/` },
  { what: `port ${port}`, url: `http://127.0.0.1:${port}/`, method: 'POST', body: '{}' },
];

interface Attacker {
  attack(what: { http: Surface[]; sockets: Surface[] }): Promise<Finding[]>;
}

async function attack(frame: Frame, what: { http: Surface[]; sockets: Surface[] }): Promise<Finding[]> {
  await frame.addScriptTag({ content: SCRIPT });
  return frame.evaluate((all) => (globalThis as unknown as Attacker).attack(all), what);
}

/** Runs the attack in a page, or in its sandboxed frame; with what the emulator answered, as the browser's own tools see it. */
async function attacked(
  page: Page,
  frame: 'page' | 'sandbox',
  base: string,
): Promise<{ read: Finding[]; answered: string[] }> {
  const answered: string[] = [];
  page.on('response', (response) => {
    const url = new URL(response.url());
    if (url.port !== String(site.port) && response.status() < 400) {
      answered.push(`${response.request().method()} ${url.pathname} ${response.status()}`);
    }
  });
  const { http, sockets, file, request } = await surfaces(base);
  const target = frame === 'page' ? page.mainFrame() : page.frames()[1];
  if (target === undefined) throw new Error('The page has no frame.');
  const findings = await attack(target, { http, sockets });
  expect(findings.length).toBeGreaterThan(60);
  const fetched = await target.evaluate(
    (url) =>
      fetch(url).then(
        (answer) => answer.text(),
        () => null,
      ),
    file,
  );
  const read = findings.filter(({ seen }) => seen !== null);
  if (fetched !== null) read.push({ surface: 'CDN file', by: 'fetch', seen: fetched });

  expect(await (await fetch(file)).text(), 'the file was not overwritten').toBe('secret of a file');
  const status = await fetch(`${emulator.url}/queue/local/probe/requests/${request}/status`);
  expect(await status.json(), 'the request was not cancelled').toMatchObject({ status: 'IN_PROGRESS' });
  expect(await post('/run/local/probe/calls', { key: 'evil' }), 'the app was never called').toMatchObject({ calls: 0 });
  await fetch(`${emulator.url}/queue/local/probe/requests/${request}/cancel`, { method: 'PUT' });
  return { read, answered };
}

const NOTHING = { read: [], answered: [] };

describe('a page of another origin is answered nothing and reads nothing', () => {
  test.each([...EVIL, 'evil.localhost'])(
    '%s, which leads to this machine',
    async (host) => {
      const page = await browser.newPage();
      await page.goto(site.url(host));
      expect(await attacked(page, 'page', emulator.url)).toEqual(NOTHING);
      await page.close();
    },
    120_000,
  );

  test('calls by the other name of this machine', async () => {
    const page = await browser.newPage();
    await page.goto(site.url('evil.example'));
    const base = emulator.url.replace('127.0.0.1', 'localhost');
    expect(await attacked(page, 'page', base)).toEqual(NOTHING);
    await page.close();
  }, 240_000);

  test('a frame without an origin (null), also on a page of this machine', async () => {
    const page = await browser.newPage();
    await page.goto(`${site.url('localhost')}/sandbox`);
    expect(await attacked(page, 'sandbox', emulator.url)).toEqual(NOTHING);
    await page.close();
  }, 240_000);

  test("a name that was led to the emulator's own port (DNS rebinding)", async () => {
    const page = await browser.newPage();
    const rebound = emulator.url.replace('127.0.0.1', 'evil.example');
    const answer = await page.goto(`${rebound}/run/local/probe`);
    expect(answer?.status()).toBe(421);
    const { read, answered } = await attacked(page, 'page', rebound);
    // The refusal itself is of this page's origin, so it can be read; the file is tried by the emulator's own address.
    expect(read.filter(({ seen }) => !seen?.includes('E_FOREIGN_HOST'))).toEqual([]);
    expect(answered).toEqual([]);
    await page.close();
  }, 240_000);
});

test('the attack finds what is open: the same page from an origin that may', async () => {
  const page = await browser.newPage();
  await page.goto(site.url('localhost'));
  const { http, sockets, file } = await surfaces(emulator.url);
  const findings = await attack(page.mainFrame(), {
    http: http.filter(({ what }) => ['run with the key', 'health', 'token'].includes(what)),
    sockets: sockets.filter(({ what }) => what === 'realtime by token'),
  });
  const seen = (surface: string, by: string) => findings.find((one) => one.surface === surface && one.by === by)?.seen;
  expect(seen('run with the key', 'fetch')).toMatch(/^200 /);
  expect(seen('health', 'simple fetch')).toMatch(/^200 /);
  expect(seen('realtime by token', 'WebSocket')).toBe('opened');
  expect(seen('token', 'fetch'), 'a page of this machine needs the key').toMatch(/^401 /);
  expect(await page.evaluate((url) => fetch(url).then((answer) => answer.text()), file)).toBe('secret of a file');
  await page.close();
});

test('only the public port listens: runners have none', async (context) => {
  await requires('linux')(context);
  expect(ports.map((port) => `http://127.0.0.1:${port}`)).toEqual([emulator.url]);
});
