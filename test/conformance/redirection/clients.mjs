// Calls fal through every Node client under production host names. Prints one JSON line a case: name, error or null.
import { execFileSync } from 'node:child_process';
import https from 'node:https';
import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { fal } from '@fal-ai/client';
import * as undici from 'undici';
import { WebSocket as WsWebSocket } from 'ws';

const APP = 'local/x';
const ECHO = 'https://fal.run/echo';
const CASE_TIMEOUT_MS = 15_000;

const message = (socket) =>
  new Promise((resolve, reject) => {
    socket.addEventListener('open', () => socket.send('hello'));
    socket.addEventListener('message', (event) => {
      resolve(event.data);
      socket.close();
    });
    socket.addEventListener('error', (event) => reject(event.error ?? new Error(event.message)));
  });

const ok = async (answer) => {
  if (answer.status !== 200) throw new Error(`status ${answer.status}`);
  return answer.text();
};

const cases = {
  'fal.run': () => fal.run(APP, { input: {} }),
  'fal.subscribe': () => fal.subscribe(APP, { input: {} }),
  'fal.subscribe, streaming': () => fal.subscribe(APP, { input: {}, mode: 'streaming' }),
  'fal.queue.submit': () => fal.queue.submit(APP, { input: {} }),
  'fal.stream': async () => {
    const stream = await fal.stream(APP, { input: {} });
    for await (const _ of stream);
    return stream.done();
  },
  'fal.storage.upload': () => fal.storage.upload(new Blob(['hello'])),
  'fal.realtime': () =>
    new Promise((resolve, reject) => {
      const connection = fal.realtime.connect(APP, {
        connectionKey: 'one',
        throttleInterval: 0,
        onResult: (result) => {
          resolve(result);
          connection.close();
        },
        onError: reject,
      });
      connection.send({ a: 1 });
    }),
  fetch: async () => ok(await fetch(ECHO)),
  WebSocket: () => message(new WebSocket('wss://fal.run/x')),
  ws: () => message(new WsWebSocket('wss://fal.run/x')),
  'https.get': () =>
    new Promise((resolve, reject) => {
      https.get('https://rest.fal.ai/echo', (answer) => answer.resume().once('end', resolve)).once('error', reject);
    }),
  'undici.request': async () => (await undici.request(ECHO)).body.text(),
  'undici.fetch': async () => ok(await undici.fetch(ECHO)),
  'undici, own agent': async () =>
    (await undici.request(ECHO, { dispatcher: new undici.Agent({ allowH2: true }) })).body.text(),
  'plain http': async () => ok(await fetch('http://fal.run/echo')),
  'a worker thread': () =>
    new Promise((resolve, reject) => {
      const code = `fetch('${ECHO}').then((answer) => require('node:worker_threads').parentPort.postMessage(answer.status))`;
      new Worker(code, { eval: true }).once('message', resolve).once('error', reject);
    }),
  'a child process': () =>
    execFileSync(process.execPath, [
      '-e',
      `fetch('${ECHO}').then((answer) => process.exit(answer.status === 200 ? 0 : 1))`,
    ]),
  CommonJS: async () => (await createRequire(import.meta.url)('undici').request(ECHO)).body.text(),
};

for (const [name, run] of Object.entries(cases)) {
  let error = null;
  try {
    const late = new Promise((_, reject) => setTimeout(reject, CASE_TIMEOUT_MS, new Error('no answer')).unref());
    await Promise.race([run(), late]);
  } catch (thrown) {
    error = `${thrown.name}: ${thrown.message} ${thrown.cause?.code ?? ''}`;
  }
  console.log(JSON.stringify([name, error]));
}
process.exit(0);
