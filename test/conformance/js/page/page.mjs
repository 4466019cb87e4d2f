// What a page of another site on this machine does with the official client. Bundled by browser-cases.mjs, which puts the
// snippet that users get in front: it leads the client to the emulator.
import { fal, ValidationError } from '@fal-ai/client';

const APP = 'local/probe';
const LIVE = 'local/live';

globalThis.fal = fal;
globalThis.steps = {
  async run() {
    const { data, requestId } = await fal.run(APP, { input: { key: 'page' } });
    return { route: data.route, requestId };
  },

  async subscribe(mode) {
    const states = [];
    const { data, requestId } = await fal.subscribe(`${APP}/logs`, {
      input: { key: 'page', lines: 2, pause: 0.05 },
      logs: true,
      mode,
      pollInterval: 50,
      onQueueUpdate: ({ status }) => states.push(status),
    });
    return { data, requestId, last: states.at(-1) };
  },

  async stream(connectionMode) {
    const stream = await fal.stream(`${APP}/stream`, { input: { events: 2, pause: 0.05 }, connectionMode });
    const seen = [];
    for await (const { n } of stream) seen.push(n);
    return seen;
  },

  async invalid() {
    const error = await fal.run(`${APP}/validate`, { input: {} }).catch((thrown) => thrown);
    return { typed: error instanceof ValidationError, status: error.status, requestId: error.requestId };
  },

  async upload() {
    const url = await fal.storage.upload(new Blob(['from the page'], { type: 'text/plain' }));
    const { data } = await fal.subscribe(APP, {
      input: { file: new Blob(['inside'], { type: 'text/plain' }) },
      pollInterval: 50,
    });
    const part = await fetch(url, { headers: { range: 'bytes=5-7' } });
    return {
      back: await (await fetch(url)).text(),
      inside: await (await fetch(data.echo.file)).text(),
      part: await part.text(),
      range: part.headers.get('content-range'),
    };
  },

  realtime() {
    return new Promise((resolve, reject) => {
      const connection = fal.realtime.connect(LIVE, {
        connectionKey: 'page',
        onResult: ({ echo }) => {
          connection.close();
          resolve({ n: echo.n, bytes: [...echo.bytes] });
        },
        onError: reject,
      });
      connection.send({ n: 1, bytes: Uint8Array.of(0, 128, 255) });
    });
  },

  async headers(emulator, key) {
    const answer = await fetch(`${emulator}/run/${APP}/validate`, {
      method: 'POST',
      headers: { authorization: `Key ${key}`, 'content-type': 'application/json', 'x-fal-runner-hint': 'a' },
      body: '{}',
    });
    return [answer.status, answer.headers.get('x-fal-billable-units')];
  },

  async withoutKey(emulator) {
    const answer = await fetch(`${emulator}/run/${APP}`, { method: 'POST', body: '{}' });
    return [answer.status, answer.headers.get('x-windtunnel-error')];
  },
};
