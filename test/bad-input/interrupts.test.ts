import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Census, expectNothingLeft, takeCensus } from '../support/census.ts';
import { CliSession } from '../support/cli-session.ts';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { requires } from '../support/skip.ts';

const apps = path.join(import.meta.dirname, 'apps');

let emulator: EmulatorUnderTest;
let before: Census;

beforeEach(async (context) => {
  await requires('linux')(context);
  emulator = await EmulatorUnderTest.prepare([apps]);
  before = await takeCensus(emulator);
}, 120_000);

afterEach(() => emulator?.dispose(), 120_000);

/** A requirement whose build never ends, from this machine alone: it brings its own build backend. */
function addSlowPackage(): void {
  const folder = path.join(emulator.workspace, 'apps/slow_package');
  mkdirSync(folder);
  const project = '[build-system]\nrequires = []\nbuild-backend = "slow"\nbackend-path = ["."]\n';
  writeFileSync(path.join(folder, 'pyproject.toml'), `${project}[project]\nname = "slow-package"\nversion = "1.0"\n`);
  const started = path.join(emulator.workspace, 'building');
  writeFileSync(
    path.join(folder, 'slow.py'),
    `import time\nopen(${JSON.stringify(started)}, "w").close()\ntime.sleep(600)\n`,
  );
  const app = [
    'import fal',
    '',
    '',
    'class Slow(fal.App, name="slow"):',
    '    requirements = ["./slow_package"]',
    '',
    '    @fal.endpoint("/")',
    '    def run(self) -> dict:',
    '        return {}',
    '',
  ];
  writeFileSync(path.join(emulator.workspace, 'apps/slow.py'), app.join('\n'));
}

describe('Ctrl-C at a bad moment: ends within seconds, with nothing left', () => {
  test('while an environment is built', async () => {
    addSlowPackage();
    // A cache of its own, in which nobody else builds.
    const envs = path.join(emulator.folder, 'wt/envs');
    rmSync(envs);
    mkdirSync(envs);
    const run = CliSession.start(emulator, 'run', 'apps/slow.py', '--port', '0', '--workspace', '.');
    for (let i = 0; i < 600 && !existsSync(path.join(emulator.workspace, 'building')); i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const { processes, halfBuilt } = await takeCensus(emulator);
    expect(processes.join('\n'), 'the installer and the build backend').toMatch(/uv pip install|pip install/);
    expect(halfBuilt.length).toBe(1);
    run.signal('SIGINT');
    expect(await run.ended(60), run.output).toBe(0);
    await expectNothingLeft(emulator, before, run.output);
    expect(run.output).not.toMatch(/\berror\b/i);
  }, 120_000);

  test('while setup hangs', async () => {
    const run = CliSession.start(emulator, 'run', 'apps/setup_hangs_long.py', '--port', '0', '--workspace', '.');
    await run.printed(/setup has begun/);
    run.signal('SIGINT');
    expect(await run.ended(60), run.output).toBe(0);
    expect(await takeCensus(emulator), run.output).toEqual(before);
    expect(run.output).not.toMatch(/\berror\b/i);
  }, 120_000);

  test('twice, at an app that does not want to end', async () => {
    const run = CliSession.start(emulator, 'run', 'apps/setup_hangs_long.py', '--port', '0', '--workspace', '.');
    await run.printed(/setup has begun/);
    run.signal('SIGINT');
    // Two at once would be one: signals of a kind do not queue.
    await new Promise((resolve) => setTimeout(resolve, 500));
    run.signal('SIGINT');
    expect(await run.ended(60), 'without waiting for the grace of the app').toBe(130);
    // The runners end by themselves; sockets and folders of a start that was cut are the next one's to remove.
    await emulator.boot();
    await emulator.stop();
    await expectNothingLeft(emulator, before, run.output);
  }, 120_000);
});

describe('more than one command in a workspace', () => {
  test('run joins an emulator that is there, and its Ctrl-C takes only its own app', async () => {
    await emulator.boot();
    await emulator.run('apps/good.py');
    const { pid, url } = emulator.entry;
    const run = CliSession.start(emulator, 'run', 'apps/several.py::One');
    await run.printed(/in the emulator that runs here already/);
    await run.printed(/ready in/);
    expect(run.output).toContain(url);
    expect((await emulator.cli('ps')).stdout).toMatch(/local\/one[\s\S]*local\/good|local\/good[\s\S]*local\/one/);
    run.signal('SIGINT');
    expect(await run.ended(), run.output).toBe(0);
    expect(emulator.entry.pid).toBe(pid);
    const { stdout } = await emulator.cli('ps');
    expect(stdout).toMatch(/local\/good/);
    expect(stdout).not.toMatch(/local\/one/);
    const other = await emulator.cli('run', 'apps/several.py::One', '--port', '1');
    expect(other.stderr).toMatch(/runs already[\s\S]*E_PORT_TAKEN[\s\S]*fix: /);
  }, 120_000);

  test('two that start at once: one emulator', async () => {
    const [first, second] = await Promise.all([emulator.cli('up', '--port', '0'), emulator.cli('up', '--port', '0')]);
    expect([first.code, second.code], first.stderr + second.stderr).toEqual([0, 0]);
    const pids = [first, second].map(({ stdout }) => /pid (\d+)/.exec(stdout)?.[1]);
    expect(pids).toEqual([String(emulator.entry.pid), String(emulator.entry.pid)]);
  }, 120_000);

  test('a second up says where the first one is', async () => {
    await emulator.boot();
    const again = await emulator.cli('up');
    expect(again.stdout).toContain(`Already running at ${emulator.url}`);
    expect(again.code).toBe(0);
  }, 120_000);

  test('the emulator ends under run: said, and exit 3 where it was another’s', async () => {
    await emulator.boot();
    const run = CliSession.start(emulator, 'run', 'apps/good.py');
    await run.printed(/ready in/);
    await emulator.stop();
    expect(await run.ended(), run.output).toBe(3);
    expect(run.output).toMatch(/The emulator has ended/);
  }, 120_000);

  test('down, ps, logs and call where nothing runs', async () => {
    const down = await emulator.cli('down');
    expect([down.code, down.stderr]).toEqual([0, `No emulator runs for ${emulator.workspace}.\n`]);
    for (const command of [['ps'], ['logs'], ['call', 'local/good', '--input', '{}']]) {
      const result = await emulator.cli(...command);
      expect(result.stderr).toMatch(/No emulator runs for .* \[E_EMULATOR_DOWN\]\n +fix: .*windtunnel up/);
      expect(result.code).toBe(3);
    }
  }, 120_000);
});
