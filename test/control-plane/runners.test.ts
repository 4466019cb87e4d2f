import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CliSession } from '../support/cli-session.ts';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { fal, falJson, listRunners, sell, tryFal, until } from './fal-cli.ts';

let emulator: EmulatorUnderTest;
const apps = path.join(import.meta.dirname, 'apps');
const only = async () => (await listRunners(emulator))[0];

beforeAll(async () => {
  emulator = await EmulatorUnderTest.start(['shop.py', 'version.txt'].map((file) => path.join(apps, file)));
  await fal(emulator, 'deploy', 'shop.py::Shop');
}, 300_000);

afterAll(() => emulator?.dispose());

test('a command runs beside the app, in its own surroundings, with its exit code and both outputs', async () => {
  const runner = (await only())?.runner_id ?? '';
  const program =
    'import os, sys; print(os.environ["FAL_APP_NAME"], open("version.txt").read()); print("oh", file=sys.stderr); sys.exit(3)';
  const { code, stdout, stderr } = await tryFal(emulator, 'runners', 'exec', runner, '--', 'python', '-c', program);
  expect([code, stdout.trim(), stderr.trim()]).toEqual([3, 'local/shop one', 'oh']);
  const missing = await tryFal(emulator, 'runners', 'exec', runner, '--', 'no-such-command');
  expect([missing.code, missing.stderr]).toEqual([127, expect.stringContaining('no-such-command: No such file')]);
}, 300_000);

test('a shell has a terminal', async () => {
  const runner = (await only())?.runner_id ?? '';
  const shell = CliSession.start(emulator, 'exec', '--', 'fal', 'runners', 'shell', runner);
  shell.type('test -t 0 && echo "a terminal of $(stty size)"; exit 4\n');
  await shell.printed(/a terminal of \d+ \d+/);
  expect(await shell.ended()).toBe(4);
}, 300_000);

test('windtunnel shell does the same: a terminal, or a command with its exit code and both outputs', async () => {
  const shell = CliSession.start(emulator, 'shell', 'shop');
  shell.type('test -t 0 && echo "a terminal of $(stty size)"; exit 4\n');
  await shell.printed(/a terminal of \d+ \d+/);
  expect(await shell.ended()).toBe(4);
  const program =
    'import os, sys; print(os.environ["FAL_APP_NAME"], open("version.txt").read()); print("oh", file=sys.stderr); sys.exit(3)';
  const runner = (await only())?.runner_id.slice(0, 8) ?? '';
  const { code, stdout, stderr } = await emulator.cli('shell', runner, '--', 'python', '-c', program);
  expect([code, stdout.trim(), stderr.trim()]).toEqual([3, 'local/shop one', 'oh']);
  const unknown = await emulator.cli('shell', 'nobody');
  expect(unknown.stderr).toContain('E_UNKNOWN_RUNNER');
}, 300_000);

test('logs hold what setup() and the requests printed', async () => {
  await sell(emulator);
  const logs = await fal(emulator, 'runners', 'logs', (await only())?.runner_id ?? '');
  expect(logs).toMatch(/opening the shop[\s\S]*selling 1/);
  expect(await fal(emulator, 'runners', 'logs', (await only())?.runner_id ?? '', '--search', 'selling')).not.toContain(
    'opening',
  );
  const unknown = await tryFal(emulator, 'runners', 'logs', 'none');
  expect(unknown.stdout + unknown.stderr).toContain('Runner none not found');
}, 300_000);

test('stop, stop with a replacement first, and kill', async () => {
  const first = await only();
  await fal(emulator, 'runners', 'stop', first?.runner_id ?? '', '--replace');
  const replaced = await until(only, (runner) => runner !== undefined && runner.runner_id !== first?.runner_id);
  await fal(emulator, 'runners', 'kill', replaced?.runner_id ?? '');
  await until(
    () => listRunners(emulator),
    (runners) => runners.length === 0,
  );
  const ended = await listRunners(emulator, '--since', '1h', '--state', 'terminated');
  expect(ended.map(({ runner_id }) => runner_id)).toEqual([first?.runner_id, replaced?.runner_id]);
  const again = await tryFal(emulator, 'runners', 'stop', replaced?.runner_id ?? '');
  expect(again.stdout + again.stderr).toContain('not found');
  expect((await sell(emulator))[1]).toMatchObject({ served: 1 });
}, 300_000);

test('the queue of an app is counted and emptied', async () => {
  await fal(emulator, 'apps', 'scale', 'shop', '--max-concurrency', '0');
  await fal(emulator, 'apps', 'rollout', 'shop', '--force');
  await until(
    () => listRunners(emulator),
    (runners) => runners.length === 0,
  );
  for (let i = 0; i < 2; i++) await fetch(`${emulator.url}/queue/local/shop`, { method: 'POST', body: '{}' });
  expect(await falJson(emulator, 'queue', 'size', 'shop')).toEqual({ size: 2 });
  await fal(emulator, 'queue', 'flush', 'shop');
  expect(await falJson(emulator, 'queue', 'size', 'shop')).toEqual({ size: 0 });
}, 300_000);
