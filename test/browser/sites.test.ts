import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { launchChromium } from '../support/chromium.ts';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { sitePackages } from '../support/site-packages.ts';
import { requires } from '../support/skip.ts';
import { guideFiles, Site } from './site.ts';

const PIXELS = path.resolve(import.meta.dirname, '../../examples/pixels');
const PICTURE = path.join(PIXELS, 'hills.jpg');
const TIMEOUT_MS = 180_000;

let emulator: EmulatorUnderTest;
let browser: Browser;
let page: Page;
let site: Site | null = null;
/** Hosts that the page called. */
let called: Set<string>;

beforeAll(async () => {
  await sitePackages();
  emulator = await EmulatorUnderTest.start([PIXELS]);
  await emulator.run('pixels/app.py');
}, 15 * 60_000);
afterAll(async () => {
  await browser?.close();
  await emulator?.dispose();
});

beforeEach(requires('chromium'));
beforeEach(async () => {
  browser ??= await launchChromium();
  page = await browser.newPage();
  // The first visit compiles the site, on a machine that may have other things to do.
  page.setDefaultTimeout(TIMEOUT_MS);
  called = new Set();
  page.on('request', (request) => called.add(new URL(request.url()).host));
  page.on('websocket', (socket) => called.add(new URL(socket.url()).host));
});
afterEach(async () => {
  await page?.close();
  await site?.dispose();
  site = null;
});

const packageFile = async (name: string): Promise<string> =>
  createRequire(path.join(await sitePackages(), 'package.json')).resolve(name);

/** Chooses a picture and waits for what the app made of it. */
async function draws(url: string): Promise<void> {
  await page.goto(url);
  await page.locator('input').first().setInputFiles(PICTURE);
  const result = page.locator('#result[src]');
  await result.waitFor({ timeout: TIMEOUT_MS });
  const shown = result.evaluate(async (image) => {
    const picture = image as unknown as { decode(): Promise<void>; naturalWidth: number; src: string };
    await picture.decode();
    return { width: picture.naturalWidth, src: picture.src };
  });
  const { width, src } = await shown;
  expect(width).toBeGreaterThan(100);
  expect(src).toContain(`${emulator.url}/files/`);
  expect([...called].sort()).toEqual([new URL(emulator.url).host, new URL(url).host].sort());
}

test(
  'Next: the route, uploads, results, and realtime by a token of the site',
  async () => {
    const names = ['app/api/fal/proxy/route.js', 'app/api/fal/token/route.js', 'app/page.jsx', 'app/layout.jsx'];
    site = await Site.make(emulator, [...names, 'next.config.mjs', 'draw.js', 'live.js']);
    site.write('package.json', '{ "private": true }');
    const next = await packageFile('next/dist/bin/next');
    const url = await site.start(next, ['dev', '--port', '0'], { NEXT_TELEMETRY_DISABLED: '1' });
    await draws(url);
    await page.locator('input').nth(1).setInputFiles(PICTURE);
    await page.locator('output', { hasText: / x / }).waitFor({ timeout: TIMEOUT_MS });
    expect([...called].sort()).toEqual([new URL(emulator.url).host, new URL(url).host].sort());
  },
  TIMEOUT_MS * 2,
);

test(
  'Express: the route, with a page that is bundled',
  async () => {
    site = await Site.make(emulator, ['server.mjs', 'public/index.html', 'draw.js', 'main.js']);
    const { folder } = site;
    await build({
      entryPoints: [path.join(folder, 'main.js')],
      outfile: path.join(folder, 'public/main.js'),
      bundle: true,
      format: 'esm',
    });
    await draws(await site.start('server.mjs', [], { PORT: '0' }));
  },
  TIMEOUT_MS,
);

test(
  'Vite: its own server in place of the route',
  async () => {
    site = await Site.make(emulator, ['vite.config.mjs', 'index.html', 'draw.js', 'main.js']);
    const vite = path.join(path.dirname(await packageFile('vite/package.json')), 'bin/vite.js');
    await draws(await site.start(vite, ['--port', '0']));
  },
  TIMEOUT_MS,
);

test('each file of the guide is part of a site that runs here', () => {
  const source = readFileSync(import.meta.filename, 'utf8');
  expect([...guideFiles().keys()].filter((name) => !source.includes(`'${name}'`))).toEqual([]);
});
