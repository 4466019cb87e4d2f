import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { fal } from './fal-cli.ts';

let emulator: EmulatorUnderTest;
const apps = path.join(import.meta.dirname, 'apps');

beforeAll(async () => {
  emulator = await EmulatorUnderTest.start(
    ['functions_client.py', 'shop.py', 'version.txt'].map((file) => path.join(apps, file)),
  );
}, 300_000);

afterAll(() => emulator?.dispose());

test('functions run in runners of their own: results, futures, setup, exceptions, 8 MB, a process that ends', async () => {
  const { code, stdout, stderr } = await emulator.exec('python', ['functions_client.py']);
  expect(code, stdout + stderr).toBe(0);
  // Between the lines of the runners, or the first one where those come late.
  const results = JSON.parse(stdout.split('\n').find((line) => line.startsWith('{"result"')) ?? 'null');
  expect(results).toEqual({
    result: ['0.5.0', '0.5.0'],
    environment: { FAL_HOST: 'api.alpha.fal.ai', FAL_KEY_ID: 'runner', FAL_KEY_SECRET: true, IS_ISOLATE_AGENT: '1' },
    futures: [0, 1, 2],
    spawned: 'later',
    large: 8 * 1024 * 1024,
    raised: ['the effect', "ValueError('the cause')"],
    setup_once: [true, 'a', 'b'],
    process_exit: ['The function did not return: the runner ended with code 3.', 'still there'],
  });
  expect(stdout + stderr).toContain('printed in the runner');
}, 300_000);

test('fal run of a function prints what it prints', async () => {
  expect(await fal(emulator, 'run', 'functions_client.py::where')).toContain('Build complete');
}, 300_000);
