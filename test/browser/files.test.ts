import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { launchChromium } from '../support/chromium.ts';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { requires } from '../support/skip.ts';

const HTML = '<!doctype html><title>quiet</title><p>shown</p><script>document.title = "ran"; fetch("/health")</script>';
const XML = `<html xmlns="http://www.w3.org/1999/xhtml"><head><title>quiet</title></head><body><p>shown</p>
<script>document.title = "ran"; fetch("/health")</script></body></html>`;
const SVG = '<svg xmlns="http://www.w3.org/2000/svg"><text y="20">shown</text><script>fetch("/health")</script></svg>';

let emulator: EmulatorUnderTest;
let browser: Browser;

beforeAll(async () => {
  emulator = await EmulatorUnderTest.start([]);
}, 120_000);
afterAll(async () => {
  await browser?.close();
  await emulator?.dispose();
});
beforeEach(requires('chromium'));
beforeEach(async () => {
  browser ??= await launchChromium();
});

test.each([
  ['text/html', HTML],
  ['text/html; charset=utf-8', HTML],
  ['TEXT/HTML', HTML],
  ['image/png, text/html', HTML],
  ['application/xhtml+xml', XML],
  ['text/xml', XML],
  ['image/svg+xml', SVG],
  ['application/octet-stream', HTML],
  ['text/plain', HTML],
  ['image/png', HTML],
])(
  'a file of type %s runs nothing on the emulator’s origin',
  async (type, body) => {
    const uploaded = await fetch(`${emulator.url}/files/upload`, {
      method: 'POST',
      headers: { 'content-type': type },
      body,
    });
    const { access_url } = (await uploaded.json()) as { access_url: string };
    const page = await browser.newPage();
    const called: string[] = [];
    page.on('request', (request) => called.push(new URL(request.url()).pathname));
    // A download ends the navigation: nothing is shown then.
    await page.goto(access_url, { waitUntil: 'load' }).catch((error: Error) => {
      if (!error.message.includes('Download is starting')) throw error;
    });
    expect(await page.title()).not.toBe('ran');
    expect(called).not.toContain('/health');
    await page.close();
  },
  60_000,
);

test('pictures and sound are shown to pages of this machine', async () => {
  const png = Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
    'base64',
  );
  const headers = { 'content-type': 'image/png' };
  const uploaded = await fetch(`${emulator.url}/files/upload`, { method: 'POST', headers, body: png });
  const { access_url } = (await uploaded.json()) as { access_url: string };
  const page = await browser.newPage();
  await page.setContent(`<img src="${access_url}">`, { waitUntil: 'load' });
  const width = await page
    .locator('img')
    .evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth);
  expect(width).toBe(1);
  await page.close();
});
