import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { leftProcesses } from '../scripts/census.mjs';
import { CliSession } from '../support/cli-session.ts';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { PackageServer } from '../support/package-server.ts';
import { requires } from '../support/skip.ts';
import { fal, falJson, listRunners } from './fal-cli.ts';

// kill -9 of the emulator while it rolls out, and while it builds; deploy.test.ts has the one while it deploys.
let emulator: EmulatorUnderTest;
let packages: PackageServer;

beforeAll(async () => {
  emulator = await EmulatorUnderTest.prepare([path.join(import.meta.dirname, 'apps/held.py')]);
  // Environments of its own: what a killed build leaves in the shared ones is not to be told from another suite's build.
  const envs = path.join(emulator.folder, 'wt/envs');
  rmSync(envs);
  mkdirSync(envs);
  mkdirSync(path.dirname(hold()), { recursive: true });
  packages = await PackageServer.start(emulator.folder);
  packages.holdsBack = true;
  emulator.env.HELD_WHEEL = packages.requirement();
  await emulator.boot();
}, 300_000);

afterAll(async () => {
  await emulator?.dispose();
  await packages?.dispose();
}, 120_000);

// The census reads /proc.
beforeEach(requires('linux'));

const hold = () => path.join(emulator.folder, 'wt/data/crashes/hold');

async function call(app: string): Promise<unknown> {
  const answer = await fetch(`${emulator.url}/run/local/${app}`, { method: 'POST', body: '{}' });
  return answer.json();
}

/** Waits until nothing that came from this emulator runs any more: no runner, no installer. */
const nothingRuns = () =>
  vi.waitFor(() => expect(leftProcesses(emulator.folder)).toEqual([]), { timeout: 60_000, interval: 100 });

/** Folders of environments that are not whole. */
function halfBuilt(): string[] {
  const envs = path.join(emulator.folder, 'wt/envs');
  return readdirSync(envs).filter((key) => key !== 'locks' && !existsSync(path.join(envs, key, 'complete.json')));
}

test('in a rollout: what was deployed serves after the restart, and no runner is left', async () => {
  await fal(emulator, 'deploy', 'held.py::Held');
  const { apps: before } = await falJson(emulator, 'apps', 'list');
  expect(await call('held')).toEqual({ pid: expect.any(Number) });
  writeFileSync(hold(), '');
  await fal(emulator, 'apps', 'rollout', 'held');
  const states = async () => (await listRunners(emulator)).map(({ state }) => state);
  await vi.waitFor(async () => expect(await states()).toContain('SETUP'), { timeout: 60_000, interval: 100 });

  await emulator.kill();
  await nothingRuns();
  rmSync(hold());
  await emulator.boot();

  const { apps: after } = await falJson(emulator, 'apps', 'list');
  const [{ revision } = { revision: '' }] = before as { revision: string }[];
  expect(after).toMatchObject([{ alias: 'held', revision, active_runners: 0 }]);
  expect(await call('held')).toEqual({ pid: expect.any(Number) });
  await fal(emulator, 'apps', 'rollout', 'held', '--force');
  await fal(emulator, 'deploy', 'held.py::Held');
  expect(await call('held')).toEqual({ pid: expect.any(Number) });
}, 600_000);

test('in a build: no installer and no half of an environment is left, and the same deployment works', async () => {
  const deploying = CliSession.start(emulator, 'exec', '--', 'fal', 'deploy', 'held.py::Bringing');
  await vi.waitFor(() => expect(packages.waiting.length).toBeGreaterThan(0), { timeout: 120_000, interval: 100 });
  expect(halfBuilt()).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)]);

  await emulator.kill();
  expect(await deploying.ended(120)).not.toBe(0);
  await nothingRuns();
  packages.holdsBack = false;
  await emulator.boot();

  expect(halfBuilt()).toEqual([]);
  expect((await falJson(emulator, 'apps', 'list')).apps).toMatchObject([{ alias: 'held' }]);
  await fal(emulator, 'deploy', 'held.py::Bringing');
  expect(await call('bringing')).toEqual({ word: 'packed' });
  expect(halfBuilt()).toEqual([]);
}, 600_000);
