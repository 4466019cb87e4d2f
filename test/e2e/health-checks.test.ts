import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EmulatorUnderTest } from '../support/emulator.ts';

let emulator: EmulatorUnderTest;
let sick: string;

beforeAll(async () => {
  emulator = await EmulatorUnderTest.start([path.join(import.meta.dirname, 'apps')]);
  sick = path.join(emulator.folder, 'wt/data/sick');
  mkdirSync(path.dirname(sick), { recursive: true });
  await emulator.register('apps/checked.py');
}, 120_000);

afterAll(() => emulator?.dispose(), 120_000);

const work = async (body: unknown) => {
  const answer = await fetch(`${emulator.url}/run/local/checked`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const { runner } = (await answer.json()) as { runner: string };
  return { status: answer.status, runner, asked: answer.headers.get('x-fal-runner-health-check') };
};

const runnerStates = async () => (await emulator.client.status()).apps[0]?.runners.map(({ state }) => state) ?? [];

const until = async <T>(read: () => Promise<T>, done: (value: T) => boolean): Promise<T> => {
  for (let i = 0; i < 600; i++) {
    const value = await read();
    if (done(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('never came true within 30 s');
};

test("an app's own health check decides when it is ready, and an answer can ask for it", async () => {
  writeFileSync(sick, '');
  const first = work({});
  await until(runnerStates, (states) => states[0] === 'SETUP');
  rmSync(sick);
  const served = await first;
  expect(served.status, 'its port was open before, and /health never is 200').toBe(200);

  writeFileSync(sick, '');
  const asks = await work({ ask: true });
  expect(asks).toEqual({ status: 200, runner: served.runner, asked: null });
  await until(runnerStates, (states) => !states.includes('IDLE'));
  rmSync(sick);
  expect((await work({})).runner, 'the one that failed its check is gone').not.toBe(served.runner);
}, 120_000);
