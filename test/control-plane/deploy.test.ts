import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CliSession } from '../support/cli-session.ts';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { fal, falJson, listRunners, sell, setVersion, tryFal, until } from './fal-cli.ts';

// The unmodified CLI under `windtunnel exec`, one app from its first deployment to its end.
let emulator: EmulatorUnderTest;
const apps = path.join(import.meta.dirname, 'apps');
const DEPLOY = ['deploy', 'shop.py::Shop'];
let first = '';
let second = '';

beforeAll(async () => {
  emulator = await EmulatorUnderTest.start([path.join(apps, 'shop.py'), path.join(apps, 'version.txt')]);
}, 300_000);

afterAll(() => emulator?.dispose());

test('deploys, shows the build and what setup() prints, and serves', async () => {
  const deployed = await fal(emulator, ...DEPLOY);
  expect(deployed).toMatch(
    /Build complete[\s\S]*opening the shop[\s\S]*Deployed successfully[\s\S]*https:\/\/fal\.run\/local\/shop/,
  );
  expect(await sell(emulator)).toEqual([200, { n: 2, version: 'one', secret: null, served: 1 }]);
  const { apps: listed } = await falJson(emulator, 'apps', 'list');
  expect(listed).toMatchObject([
    {
      alias: 'shop',
      auth_mode: 'private',
      keep_alive: 300,
      max_concurrency: 3,
      active_runners: 1,
      machine_types: ['XS'],
    },
  ]);
  first = (listed as { revision: string }[])[0]?.revision ?? '';
}, 300_000);

test('a setup() that raises fails the deployment with its traceback, and the old code serves on', async () => {
  setVersion(emulator, 'broken');
  const { code, stdout, stderr } = await tryFal(emulator, ...DEPLOY);
  expect(code).not.toBe(0);
  expect(stdout + stderr).toContain('RuntimeError: the shutter is stuck');
  expect(await sell(emulator)).toEqual([200, { n: 2, version: 'one', secret: null, served: 2 }]);
  const { apps: listed } = await falJson(emulator, 'apps', 'list');
  expect(listed).toMatchObject([{ revision: first }]);
}, 300_000);

test('scaling is kept over a new deployment, and taken from the code with --reset-scale', async () => {
  await fal(emulator, 'apps', 'scale', 'shop', '--max-concurrency', '7', '--machine-types', 'S');
  setVersion(emulator, 'two');
  await fal(emulator, ...DEPLOY, '--auth', 'public');
  expect((await sell(emulator))[1]).toMatchObject({ version: 'two', served: 1 });
  const shop = async () => ((await falJson(emulator, 'apps', 'list')).apps as Record<string, unknown>[])[0] ?? {};
  expect(await shop()).toMatchObject({ auth_mode: 'public', max_concurrency: 7, machine_types: ['XS'] });
  second = String((await shop()).revision);
  expect(second).not.toBe(first);
  await fal(emulator, ...DEPLOY, '--reset-scale', '--strategy', 'recreate');
  expect(await shop()).toMatchObject({ auth_mode: 'public', max_concurrency: 3 });
}, 300_000);

test('rolls back to an earlier revision, and lists them', async () => {
  await fal(emulator, 'apps', 'set-rev', 'shop', first);
  expect((await sell(emulator))[1]).toMatchObject({ version: 'one' });
  const revisions = (await fal(emulator, 'apps', 'list-rev', 'shop')).match(/[0-9a-f]{8}-[0-9a-f-]{27}/g) ?? [];
  expect(revisions).toEqual([expect.any(String), second, first]);
  const inUse = await tryFal(emulator, 'apps', 'delete-rev', first);
  expect(inUse.stdout + inUse.stderr).toContain(`Revision ${first} is what shop serves`);
  await fal(emulator, 'apps', 'delete-rev', second);
}, 300_000);

test('secrets reach the runners that start after they were set', async () => {
  await fal(emulator, 'secrets', 'set', 'SHOP_SECRET=under the counter');
  expect(await fal(emulator, 'secrets', 'list')).toContain('SHOP_SECRET');
  const before = (await listRunners(emulator)).map(({ runner_id }) => runner_id);
  await fal(emulator, 'apps', 'rollout', 'shop', '--force');
  await until(
    async () => (await sell(emulator))[1],
    ({ secret }) => secret === 'under the counter',
  );
  const after = (await listRunners(emulator)).map(({ runner_id }) => runner_id);
  expect(after.filter((id) => before.includes(id))).toEqual([]);
  await fal(emulator, 'secrets', 'unset', 'SHOP_SECRET');
  expect(await fal(emulator, 'secrets', 'list')).not.toContain('SHOP_SECRET');
}, 300_000);

test('another environment has its own apps and secrets', async () => {
  await fal(emulator, 'environments', 'create', 'staging');
  await fal(emulator, 'secrets', 'set', 'SHOP_SECRET=staged', '--env', 'staging');
  await fal(emulator, ...DEPLOY, '--env', 'staging');
  expect((await sell(emulator, 'local/shop--staging'))[1]).toMatchObject({ secret: 'staged' });
  expect((await falJson(emulator, 'apps', 'list', '--env', 'staging')).apps).toMatchObject([
    { alias: 'shop--staging', environment_name: 'staging' },
  ]);
  const busy = await tryFal(emulator, 'environments', 'delete', 'staging', '--yes');
  expect(busy.stdout + busy.stderr).toContain('still has apps: shop--staging');
  await fal(emulator, 'apps', 'delete', 'shop', '--env', 'staging');
  await fal(emulator, 'environments', 'delete', 'staging', '--yes');
  const main = await tryFal(emulator, 'environments', 'delete', 'main', '--yes');
  expect(main.stdout + main.stderr).toContain('main cannot be deleted');
}, 300_000);

test('a crash in the middle of a deployment leaves what was deployed before, and nothing else', async () => {
  setVersion(emulator, 'endless');
  const deploying = CliSession.start(emulator, 'exec', '--', 'fal', ...DEPLOY);
  await deploying.printed(/opening the shop/, 200);
  await emulator.kill();
  expect(await deploying.ended(100)).not.toBe(0);
  await emulator.boot();
  const { apps: listed } = await falJson(emulator, 'apps', 'list');
  expect(listed).toMatchObject([{ alias: 'shop', revision: first, active_runners: 0 }]);
  expect((await sell(emulator))[1]).toMatchObject({ version: 'one' });
  await fal(emulator, 'apps', 'delete', 'shop');
  expect((await sell(emulator))[0]).toBe(404);
}, 300_000);
