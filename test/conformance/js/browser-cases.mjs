// The official client in a real browser, from a page of another port of this machine.
import assert from 'node:assert/strict';
import path from 'node:path';
import { build } from 'esbuild';
import { launchChromium } from '../../support/chromium.ts';
import { PageServer } from '../../support/page-server.ts';
import { snippet } from '../../support/snippets.ts';

const UUID = /^[0-9a-f-]{36}$/;

export const cases = {
  async 64() {
    const { WT_URL: emulator, FAL_KEY: key } = process.env;
    const lead = snippet('browser', 'fal-windtunnel-page', [emulator, key]);
    const script = await bundled(path.join(import.meta.dirname, 'page/page.mjs'));
    const site = await PageServer.start({ '/': '<script src="page.js"></script>', '/page.js': `${script}\n${lead}` });
    const browser = await launchChromium();
    try {
      const page = await browser.newPage();
      const left = [];
      page.on('request', (request) => left.push(new URL(request.url()).hostname));
      page.on('websocket', (socket) => left.push(new URL(socket.url()).hostname));
      await page.goto(site.url());
      const step = (name, ...args) => page.evaluate(([name, args]) => globalThis.steps[name](...args), [name, args]);

      const run = await step('run');
      assert.equal(run.route, '/');
      assert.match(run.requestId, UUID, 'the header with the id can be read');
      for (const mode of ['polling', 'streaming']) {
        const { data, requestId, last } = await step('subscribe', mode);
        assert.deepEqual([data, last], [{ ok: true }, 'COMPLETED'], mode);
        assert.match(requestId, UUID);
      }
      for (const mode of ['server', 'client']) assert.deepEqual(await step('stream', mode), [0, 1], mode);
      const invalid = await step('invalid');
      assert.deepEqual([invalid.typed, invalid.status], [true, 422]);
      assert.match(invalid.requestId, UUID);
      assert.deepEqual(await step('upload'), {
        back: 'from the page',
        inside: 'inside',
        part: 'the',
        range: 'bytes 5-7/13',
      });
      assert.deepEqual(await step('realtime'), { n: 1, bytes: [0, 128, 255] });
      assert.deepEqual(await step('headers', emulator, key), [422, '0']);
      assert.deepEqual(await step('withoutKey', emulator), [401, 'E_UNAUTHORIZED']);
      assert.deepEqual([...new Set(left)].sort(), ['127.0.0.1', 'localhost'], 'nothing goes elsewhere');
    } finally {
      await browser.close();
      await site.dispose();
    }
  },
};

async function bundled(entry) {
  const { outputFiles } = await build({ entryPoints: [entry], bundle: true, write: false, format: 'iife' });
  return outputFiles[0].text;
}
