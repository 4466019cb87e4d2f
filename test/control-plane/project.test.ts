import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { CliSession } from '../support/cli-session.ts';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { PackageServer } from '../support/package-server.ts';
import { fal, listRunners } from './fal-cli.ts';

// An app of a pyproject.toml: an entry point instead of a file, its own project among the requirements, and a secret in another.
let emulator: EmulatorUnderTest;
let packages: PackageServer;
/** From the start: by itself it begins a minute ago. */
const FOLLOW = ['--follow', '--since', '1h'];
/** As it stands in the requirements. */
const BRACED = ['$', '{PACKAGES_TOKEN}'].join('');
const TOKEN = 'under-the-doormat-7341';

beforeAll(async () => {
  emulator = await EmulatorUnderTest.start([path.join(import.meta.dirname, 'apps/front/shopfront')]);
  packages = await PackageServer.start(emulator.folder);
  const pyproject = `
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "shopfront"
version = "1.0"
dependencies = ["fal==1.83.0"]

[tool.setuptools]
packages = ["shopfront"]

[tool.fal.apps.front]
python_entry_point = "shopfront.app:Front"
requirements = [".", ${JSON.stringify(packages.requirement(BRACED))}]
machine_type = "XS"
keep_alive = 300
`;
  writeFileSync(path.join(emulator.workspace, 'pyproject.toml'), pyproject);
}, 300_000);

afterAll(async () => {
  await emulator?.dispose();
  await packages?.dispose();
}, 120_000);

test('an entry point, a local project and a secret in the requirements are deployed and serve', async () => {
  await fal(emulator, 'secrets', 'set', `PACKAGES_TOKEN=${TOKEN}`);
  const deployed = await fal(emulator, 'deploy', 'front');
  expect(deployed).toMatch(/Deployed successfully/);
  const answer = await fetch(`${emulator.url}/run/local/front`, { method: 'POST', body: '{}' });
  expect(await answer.json()).toEqual({ price: 12, word: 'packed', module: 'shopfront.app' });
  expect(packages.asked.at(-1)).toContain(`/${TOKEN}/held_package`);
  expect(deployed).not.toContain(TOKEN);
  const { stdout } = await emulator.cli('ps', '--json');
  expect(stdout + (await emulator.cli('logs')).stdout + logFile()).not.toContain(TOKEN);
}, 600_000);

test('fal runners logs --follow shows lines as they come', async () => {
  // Beside it stands the one that told the app's metadata.
  const runner = (await listRunners(emulator)).find(({ alias }) => alias === 'front');
  const following = CliSession.start(
    emulator,
    'exec',
    '--',
    'fal',
    'runners',
    'logs',
    runner?.runner_id ?? '',
    ...FOLLOW,
  );
  await following.printed(/opening the front/, 120);
  const lines = () => following.output.match(/asked/g)?.length ?? 0;
  const before = lines();
  await fetch(`${emulator.url}/run/local/front`, { method: 'POST', body: '{}' });
  await vi.waitFor(() => expect(lines()).toBeGreaterThan(before), { timeout: 60_000, interval: 50 });
  following.signal('SIGINT');
  await following.ended(120);
}, 300_000);

test('a large file for /data goes up in parts, and comes back the same', async () => {
  const large = path.join(emulator.workspace, 'large.bin');
  // Over the 10 MiB from which the SDK sends parts (fal/upload.py).
  const bytes = Buffer.alloc(23 * 1024 * 1024, 'the counter ');
  writeFileSync(large, bytes);
  await fal(emulator, 'files', 'upload', 'large.bin', '/data/large.bin');
  expect(readFileSync(path.join(emulator.folder, 'wt/data/large.bin')).equals(bytes)).toBe(true);
  await fal(emulator, 'files', 'download', '/data/large.bin', 'back.bin');
  expect(readFileSync(path.join(emulator.workspace, 'back.bin')).equals(bytes)).toBe(true);
}, 300_000);

/** What the emulator wrote down about itself. */
function logFile(): string {
  const state = path.join(emulator.folder, 'wt/workspaces');
  return readdirSync(state)
    .map((key) => readFileSync(path.join(state, key, 'emulator.log'), 'utf8'))
    .join();
}
