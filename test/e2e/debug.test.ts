import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DapClient } from '../support/dap-client.ts';
import { EmulatorUnderTest } from '../support/emulator.ts';

let emulator: EmulatorUnderTest;
const file = () => path.join(emulator.workspace, 'paused.py');

beforeAll(async () => {
  emulator = await EmulatorUnderTest.start([path.join(import.meta.dirname, 'apps/paused.py')]);
}, 120_000);

afterAll(() => emulator?.dispose(), 60_000);

async function debugged() {
  const answer = await emulator.client.run({
    file: file(),
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

const call = (id: string) =>
  fetch(`${emulator.url}/run/${id}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(21),
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

test('an app that was started without a debugger says so', async () => {
  const id = await emulator.run('paused.py');
  await expect(emulator.client.debug(id)).rejects.toMatchObject({ code: 'E_NO_DEBUGGER' });
  await emulator.client.remove(id);
}, 120_000);
