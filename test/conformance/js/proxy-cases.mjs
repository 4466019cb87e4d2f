// A site's own proxy route: the handlers of the real @fal-ai/server-proxy, called by the client as a page calls them.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import path from 'node:path';
import { createFalClient, ValidationError } from '@fal-ai/client';

const { WT_SITES, WT_URL } = process.env;
const need = createRequire(path.join(WT_SITES, 'package.json'));
const APP = process.env.WT_APP ?? 'local/probe';
const PROXY = '/api/fal/proxy';
/** The handler calls the emulator by its own address, which its site has to allow. */
const ALLOWED = [`${new URL(WT_URL).host}/**`];
const toEmulator = (url) => url.replace(/^https:\/\/([^/]+)/, `${WT_URL}/_h/$1`);

export const cases = {
  async 62() {
    await throughExpress({});
    await throughExpress({ allowedUrlPatterns: ALLOWED }, toEmulator);
    await throughNext({});
    await throughNext({ allowedUrlPatterns: ALLOWED }, toEmulator);
  },
};

/** Answers of every status become 200 in this adapter, so errors are the Next handler's to show. */
async function throughExpress(config, rewrite) {
  const express = need('express');
  const { createHandler } = need('@fal-ai/server-proxy/express');
  const app = express();
  app.use(express.json());
  app.all(PROXY, createHandler({ allowUnauthorizedRequests: true, ...config }));
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await works(client(`http://127.0.0.1:${server.address().port}${PROXY}`, fetch, rewrite));
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function throughNext(config, rewrite) {
  const { createRouteHandler } = need('@fal-ai/server-proxy/nextjs');
  const handlers = createRouteHandler({ allowUnauthorizedRequests: true, ...config });
  const site = 'http://site.example';
  const handled = (url, init) => {
    if (!String(url).startsWith(site)) return fetch(url, init);
    const request = new Request(url, init);
    return handlers[request.method](request);
  };
  const fal = client(`${site}${PROXY}`, handled, rewrite);
  await works(fal);
  const invalid = await fal.run(`${APP}/validate`, { input: {} }).catch((error) => error);
  assert.ok(invalid instanceof ValidationError, String(invalid));
  const sent = await fal.queue.submit(APP, { input: { key: 'late' } });
  await fal.queue.subscribeToStatus(APP, { requestId: sent.request_id, pollInterval: 50 });
  const late = await fal.queue.cancel(APP, { requestId: sent.request_id }).catch((error) => error);
  assert.equal(late.status, 400, 'a PUT, and its refusal');
}

/** The client of a page: it has no key, and its files are where a browser that is led nowhere finds them. */
async function works(fal) {
  const { data, requestId } = await fal.run(APP, { input: { key: 'proxy' } });
  assert.equal(data.route, '/');
  assert.ok(requestId);
  const states = [];
  const queued = await fal.subscribe(APP, {
    input: { file: new Blob(['inside'], { type: 'text/plain' }) },
    pollInterval: 50,
    onQueueUpdate: ({ status }) => states.push(status),
  });
  assert.equal(states.at(-1), 'COMPLETED');
  assert.ok(queued.data.echo.file.startsWith(`${WT_URL}/files/`), queued.data.echo.file);
  assert.equal(await (await fetch(queued.data.echo.file)).text(), 'inside');
  const made = await fal.subscribe(`${APP}/make`, { input: {}, pollInterval: 50 });
  assert.ok(made.data.image.startsWith(`${WT_URL}/files/`), made.data.image);
  const stream = await fal.stream(`${APP}/stream`, { input: { events: 2, pause: 0.05 } });
  const seen = [];
  for await (const { n } of stream) seen.push(n);
  assert.deepEqual(seen, [0, 1]);
}

function client(url, handled, rewrite) {
  return createFalClient({
    credentials: undefined,
    proxyUrl: { url, when: 'always' },
    fetch: handled,
    ...(rewrite && { requestMiddleware: async (request) => ({ ...request, url: rewrite(request.url) }) }),
  });
}
