import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { takeCensus } from '../support/census.ts';
import { DapClient } from '../support/dap-client.ts';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { requires } from '../support/skip.ts';

let emulator: EmulatorUnderTest;
const file = (name = 'paused.py') => path.join(emulator.workspace, name);

beforeAll(async () => {
  emulator = await EmulatorUnderTest.start(
    ['paused.py', 'paused_upload.py'].map((name) => path.join(import.meta.dirname, 'apps', name)),
  );
}, 120_000);

afterAll(() => emulator?.dispose());

async function debugged(name?: string) {
  const answer = await emulator.client.run({
    file: file(name),
    symbol: null,
    as: null,
    engine: 'process',
    watch: false,
    debug: true,
  });
  const { id } = answer.app;
  const started = emulator.client.start(id);
  // Waited for by those tests that get there.
  started.catch(() => undefined);
  return { id, started, client: new DapClient(await emulator.client.debug(id)) };
}

const call = (id: string, input: unknown = 21) =>
  fetch(`${emulator.url}/run/${id}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(input),
  });

test('an app stops in its module, its setup and its endpoint, and is stopped as long as one likes', async () => {
  const { id, started, client } = await debugged();
  await client.join(file(), [3, 10, 14]);

  let stopped = await client.event('stopped');
  expect(await client.line(stopped.threadId)).toBe(3);
  await client.ask('continue', { threadId: stopped.threadId });

  stopped = await client.event('stopped');
  expect(Object.keys(await client.locals(stopped.threadId))).toContain('self');
  await client.ask('continue', { threadId: stopped.threadId });
  await started;

  const answer = call(id);
  stopped = await client.event('stopped');
  expect(await client.locals(stopped.threadId)).toMatchObject({ number: '21' });
  // The app's request_timeout is 2 s: it must not pass while a person looks.
  await new Promise((resolve) => setTimeout(resolve, 4_000));
  await client.ask('continue', { threadId: stopped.threadId });
  const { status } = await answer;
  expect(status).toBe(200);
  expect(await (await answer).json()).toEqual({ result: 42 });

  // A client that leaves takes nothing with it, and another may come.
  await client.ask('disconnect', { terminateDebuggee: false });
  client.end();
  await client.closed;
  expect((await call(id)).status).toBe(200);
  const second = new DapClient(await emulator.client.debug(id));
  await second.join(file(), [15]);
  const again = call(id);
  stopped = await second.event('stopped');
  expect(await second.locals(stopped.threadId)).toMatchObject({ result: '42' });
  // Even one that goes in the middle of a stop.
  second.end();
  await second.closed;
  expect((await again).status).toBe(200);
  await emulator.client.remove(id);
}, 180_000);

test('an app that serves already goes over to the debugger', async () => {
  await emulator.run('paused.py', { watch: false });
  const { id, started, client } = await debugged();
  await client.join(file(), [10]);
  const stopped = await client.event('stopped');
  expect(await client.line(stopped.threadId)).toBe(10);
  await client.ask('continue', { threadId: stopped.threadId });
  await started;
  expect((await call(id)).status).toBe(200);
  client.end();
  await client.closed;
  await emulator.client.remove(id);
});

test('while an app is stopped a child of another thread uploads, and the dead-man switch neither fires nor fails', async (context) => {
  await requires('linux')(context);
  const { id, started, client } = await debugged('paused_upload.py');
  await client.join(file('paused_upload.py'), [45]);
  await started;
  const input = { go: file('go'), done: file('done') };
  const pausedCall = async () => {
    const answer = call(id, input);
    // One of them is cut off.
    answer.catch(() => undefined);
    const { threadId } = await client.event('stopped');
    expect(await client.line(threadId)).toBe(45);
    return { answer, threadId };
  };

  const { answer, threadId } = await pausedCall();
  writeFileSync(input.go, '');
  await expect.poll(() => existsSync(input.done)).toBe(true);
  const uploaded = await fetch(readFileSync(input.done, 'utf8').replace('https://v3.fal.media', emulator.url));
  expect((await uploaded.arrayBuffer()).byteLength).toBe(300_000);
  expect(await client.line(threadId), 'it is stopped all the while').toBe(45);
  await client.ask('continue', { threadId });
  expect(await (await answer).json()).toEqual({ joined: true });

  await pausedCall();
  await emulator.kill();
  await expect.poll(async () => (await takeCensus(emulator)).processes, { timeout: 60_000, interval: 200 }).toEqual([]);
  await emulator.boot();
}, 240_000);

test('an emulator that is told to stop while an app is stopped does so', async (context) => {
  await requires('linux')(context);
  const { id, started, client } = await debugged();
  await client.join(file(), [14]);
  await started;
  const cut = call(id);
  cut.catch(() => undefined);
  await client.event('stopped');
  expect((await emulator.stop()).code).toBe(0);
  expect((await takeCensus(emulator)).processes).toEqual([]);
  await emulator.boot();
});

test('an app that was started without a debugger says so', async () => {
  const id = await emulator.run('paused.py');
  await expect(emulator.client.debug(id)).rejects.toMatchObject({ code: 'E_NO_DEBUGGER' });
  await emulator.client.remove(id);
}, 120_000);
