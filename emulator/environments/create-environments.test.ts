import { execFileSync, spawn } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { testPython } from '../../test/support/python.ts';
import { WindtunnelError } from '../contract/index.ts';
import { tryLock } from './build-lock.ts';
import { runCommand } from './run-command.ts';
import { HANGING_UV, pythonOutput, type Sandbox, sandbox } from './testing/sandbox.ts';

let box: Sandbox;
beforeEach(async () => {
  box = await sandbox();
});
afterEach(() => box.dispose());

// Real interpreters and installers, on machines that may be busy.
vi.setConfig({ testTimeout: 120_000 });

const NEVER = new AbortController().signal;
const silent = () => undefined;
const failure = async (promise: Promise<unknown>): Promise<WindtunnelError> => {
  const error = await promise.then(
    () => new Error('it succeeded'),
    (reason: unknown) => reason,
  );
  if (error instanceof WindtunnelError) return error;
  throw error;
};
const python = (env: { environment: { kind: string; python?: string } }): string => env.environment.python ?? '';
const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    // A zombie that its adopter has not reaped yet is dead.
    return process.platform !== 'linux' || !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
};
const gone = (pid: number) => vi.waitFor(() => expect(alive(pid)).toBe(false), { timeout: 60_000, interval: 20 });

// pip is slow to set up: what does not depend on the installer is checked with uv alone.
describe.each(['uv', 'pip'])('with %s', (installer) => {
  // What pip does in its own way is not a test that was skipped: there is none.
  const itWithUv = (name: string, body: () => Promise<void>) => {
    if (installer === 'uv') it(name, body);
  };

  beforeEach(async () => {
    if (installer === 'uv') await box.withUv();
  });

  it('builds what the app asks for with what the SDK adds, then finds it again', async () => {
    const lines: string[] = [];
    const built = await box.create().ensure(box.request([['tiny==1.0']]), (line) => lines.push(line), NEVER);
    expect(built).toMatchObject({ cached: false, environment: { kind: 'venv', falVersion: '1.83.0' } });
    expect(pythonOutput(python(built), 'import tiny, fal, uvicorn, websockets, msgpack; print(tiny.VERSION)')).toBe(
      '1.0',
    );
    expect(lines[0]).toMatch(installer === 'uv' ? /Python 3\.\d+\.\d+ and uv$/ : /Python 3\.\d+\.\d+$/);
    expect(lines.join('\n')).toMatch(/tiny/);

    const again = await box.create().ensure(box.request([['tiny==1.0']]), silent, NEVER);
    expect(again).toEqual({ ...built, cached: true, seconds: again.seconds });
    expect(box.leftovers()).toHaveLength(1);
    // No temporary folder of the build is left beside the environment.
    expect(readdirSync(path.join(box.cache, 'envs', box.leftovers()[0]!))).toHaveLength(2);
  });

  itWithUv('installs layers one after the other: a later one may change what an earlier one brought', async () => {
    const built = await box.create().ensure(box.request([['tiny==1.0'], ['wants-tiny2']]), silent, NEVER);
    expect(pythonOutput(python(built), 'import tiny; print(tiny.VERSION)')).toBe('2.0');
  });

  it('says in one line which requirement cannot be had, with the resolver in its own words', async () => {
    const error = await failure(box.create().ensure(box.request([['tiny', 'no-such-thing>=3']]), silent, NEVER));
    expect(error.code).toBe('E_REQUIREMENTS');
    expect(error.message).toMatch(/^Cannot install no-such-thing>=3: .*no-such-thing/);
    expect(error.message).not.toContain('\n');
    expect(error.detail).toMatch(/no-such-thing/);
    expect(box.leftovers()).toEqual([]);
  });

  itWithUv('names both sides of a conflict', async () => {
    const error = await failure(box.create().ensure(box.request([['tiny==1.0', 'wants-tiny2']]), silent, NEVER));
    expect(error.message).toMatch(/^Cannot install tiny==1\.0, wants-tiny2: /);
  });

  itWithUv('takes a wheel and a requirement file relative to the context folder', async () => {
    const context = path.join(box.workspace, 'ctx');
    mkdirSync(context);
    copyFileSync(path.join(box.wheels, 'tiny-1.0-py3-none-any.whl'), path.join(context, 'tiny-1.0-py3-none-any.whl'));
    writeFileSync(path.join(context, 'more.txt'), 'wants-tiny2\n');
    const request = (requirements: string[][]) => box.request(requirements, { contextDir: context });
    const wheel = await box.create().ensure(request([['./tiny-1.0-py3-none-any.whl']]), silent, NEVER);
    expect(pythonOutput(python(wheel), 'import tiny; print(tiny.VERSION)')).toBe('1.0');
    const file = await box.create().ensure(request([['-r more.txt']]), silent, NEVER);
    expect(pythonOutput(python(file), 'import tiny; print(tiny.VERSION)')).toBe('2.0');
    // The file's content is part of what the environment is.
    writeFileSync(path.join(context, 'more.txt'), 'tiny==1.0\n');
    const changed = await box.create().ensure(request([['-r more.txt']]), silent, NEVER);
    expect(changed.cached).toBe(false);
    expect(pythonOutput(python(changed), 'import tiny; print(tiny.VERSION)')).toBe('1.0');
  });
});

it("takes the workspace's own fal and its companions' versions", async () => {
  const site = path.join(box.workspace, '.venv', 'lib', 'python3.11', 'site-packages');
  for (const name of ['fal-1.80.0', 'pydantic-2.10.0'])
    mkdirSync(path.join(site, `${name}.dist-info`), { recursive: true });
  mkdirSync(path.join(box.workspace, '.venv', 'bin'));
  symlinkSync(path.join(box.bin, 'python3'), path.join(box.workspace, '.venv', 'bin', 'python'));
  const appDir = path.join(box.workspace, 'deep', 'er');
  mkdirSync(appDir, { recursive: true });
  await box.withUv();
  const built = await box.create().ensure(box.request([], { appDir }), silent, NEVER);
  expect(built.environment).toMatchObject({ falVersion: '1.80.0' });
  expect(pythonOutput(python(built), 'import pydantic; print(pydantic.VERSION)')).toBe('2.10.0');
});

it("leaves an author's own pin of fal alone", async () => {
  await box.withUv();
  const built = await box.create().ensure(box.request([['fal==1.80.0']]), silent, NEVER);
  expect(built.environment).toMatchObject({ falVersion: '1.80.0' });
});

describe('interrupted', () => {
  it('by abort: the processes and the half-built folder are gone when the call ends', async () => {
    box.script('uv', HANGING_UV);
    const abort = new AbortController();
    const pids: number[] = [];
    const call = box.create().ensure(
      box.request([['tiny']]),
      (line) => {
        const pid = /^(?:hanging|child) (\d+)$/.exec(line)?.[1];
        if (pid) pids.push(Number(pid));
        if (line.startsWith('child')) abort.abort(new Error('asked for'));
      },
      abort.signal,
    );
    await expect(call).rejects.toThrow('asked for');
    expect(pids).toHaveLength(2);
    for (const pid of pids) await gone(pid);
    expect(box.leftovers()).toEqual([]);
  });

  it('by kill -9: the installer dies too, its lock is free, nothing counts, a sweep removes it', async () => {
    box.script('uv', HANGING_UV);
    const program = path.join(import.meta.dirname, 'testing', 'build-in-child.ts');
    const child = spawn(process.execPath, [program, box.cache, box.workspace], {
      env: box.env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const pids: number[] = [];
    for await (const line of createInterface(child.stdout)) {
      const pid = /^(?:hanging|child) (\d+)$/.exec(line)?.[1];
      if (pid) pids.push(Number(pid));
      if (line.startsWith('child')) break;
    }
    const [key = ''] = box.leftovers();
    const lockFile = path.join(box.cache, 'envs', 'locks', key);
    expect(tryLock(lockFile)).toBeNull();
    const environments = box.create();
    expect(await environments.sweep()).toEqual([]);
    expect(await environments.remove(key)).toBe(false);

    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('exit', resolve));
    for (const pid of pids) await gone(pid);
    expect(await environments.list()).toMatchObject([{ key, marker: null, lastUsedAt: null }]);
    expect(await environments.sweep()).toEqual([key]);
    expect(box.leftovers()).toEqual([]);

    rmSync(path.join(box.bin, 'uv'));
    await box.withUv();
    const built = await environments.ensure(box.request([['tiny']]), silent, NEVER);
    expect(built.environment).toMatchObject({ key });
  });

  it('a folder without its marker is built again, not used', async () => {
    await box.withUv();
    const environments = box.create();
    const { environment } = await environments.ensure(box.request([['tiny']]), silent, NEVER);
    const home = path.join(box.cache, 'envs', environment.key);
    rmSync(path.join(home, 'complete.json'));
    const again = await environments.ensure(box.request([['tiny']]), silent, NEVER);
    expect(again.cached).toBe(false);
    // What was there before is gone.
    expect(readdirSync(home)).toHaveLength(2);
  });
});

describe('at the same time', () => {
  beforeEach(() => box.withUv());

  it('callers of one process and two emulators share a build', async () => {
    const venvs: string[] = [];
    const exec: typeof runCommand = (argv, options) => {
      if (argv.includes('venv')) venvs.push(argv.join(' '));
      return runCommand(argv, options);
    };
    const [one, two] = [box.create({ exec }), box.create({ exec })];
    const request = box.request([['tiny']]);
    const lines: string[] = [];
    const all = await Promise.all([
      one.ensure(request, silent, NEVER),
      one.ensure(request, silent, NEVER),
      two.ensure(request, (line) => lines.push(line), NEVER),
    ]);
    expect(venvs).toHaveLength(1);
    expect(new Set(all.map(python)).size).toBe(1);
  });

  it('one that leaves does not take the build from the other', async () => {
    const environments = box.create();
    const abort = new AbortController();
    // Whichever of the two began the build hears its first line; the other may have joined after it.
    const leave = () => abort.abort(new Error('left'));
    const leaving = environments.ensure(box.request([['tiny']]), leave, abort.signal);
    const staying = environments.ensure(box.request([['tiny']]), leave, NEVER);
    await expect(leaving).rejects.toThrow('left');
    expect((await staying).cached).toBe(false);
  });
});

describe('the Python', () => {
  it('of the wrong minor: what was found where, what is wanted, how to get it', async () => {
    const error = await failure(box.create().ensure(box.request([], { pythonVersion: '3.99' }), silent, NEVER));
    expect(error.code).toBe('E_PYTHON_VERSION');
    expect(error.message).toMatch(/^The app needs Python 3\.99; found 3\.\d+\.\d+ at .*\/bin\/python3 \(PATH\)\.$/);
    expect(error.actions).toEqual(['uv python install 3.99']);
  });

  it('that is nowhere, and a setting that leads nowhere', async () => {
    rmSync(path.join(box.bin, 'python3'));
    expect(await failure(box.create().ensure(box.request([]), silent, NEVER))).toMatchObject({
      code: 'E_PYTHON_MISSING',
      message: 'No Python interpreter was found.',
    });
    const set = box.create({ pythonSetting: '/nowhere/python' });
    expect(await failure(set.ensure(box.request([]), silent, NEVER))).toMatchObject({
      code: 'E_PYTHON_MISSING',
      message: 'The Python of the setting cannot be used: /nowhere/python does not exist.',
    });
  });

  it('without its venv module', async () => {
    const facts = { executable: '/usr/bin/python3', version: '3.12.3', venv: false, pip: false, arch: 'x86_64' };
    box.script('python3', `echo '${JSON.stringify(facts)}'`);
    const error = await failure(box.create().ensure(box.request([]), silent, NEVER));
    expect(error).toMatchObject({ code: 'E_PYTHON_NO_VENV', actions: ['apt install python3.12-venv'] });
    expect(error.message).toContain('its venv module is not installed');
  });

  it('that a candidate of the right minor stands behind broken ones', async () => {
    symlinkSync(path.join(box.bin, 'python3'), path.join(box.bin, 'python'));
    box.script('python3.12', 'echo "pyenv: python3.12: command not found" >&2; exit 127');
    const found = await box.create().inspectPythons(NEVER);
    expect(found.find(({ path: file }) => file.endsWith('python3.12'))?.result).toBe(
      'pyenv: python3.12: command not found',
    );
    expect(found.filter(({ result }) => typeof result !== 'string')).not.toHaveLength(0);
  });
});

it('a context folder that is not there', async () => {
  const error = await failure(box.create().ensure(box.request([], { contextDir: '/nowhere/ctx' }), silent, NEVER));
  expect(error).toMatchObject({ code: 'E_FILE_UNREADABLE', hint: 'Correct requirements_context_dir in the app.' });
});

it('lists and removes what the cache holds', async () => {
  await box.withUv();
  const environments = box.create();
  const { environment } = await environments.ensure(box.request([['tiny']]), silent, NEVER);
  const [entry] = await environments.list();
  expect(entry).toMatchObject({ key: environment.key, marker: { falVersion: '1.83.0' } });
  expect(entry!.bytes).toBeGreaterThan(1_000);
  expect(await environments.sweep()).toEqual([]);
  expect(await environments.remove(environment.key)).toBe(true);
  expect(await environments.remove('../../etc')).toBe(false);
  expect(await environments.list()).toEqual([]);
  expect(statSync(box.cache).isDirectory()).toBe(true);
});

it('a full disk is that, not a broken requirement', async ({ skip }) => {
  const small = path.join(box.root, 'small');
  mkdirSync(small);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', small], { stdio: 'ignore' });
  } catch {
    skip('needs the right to mount a small tmpfs (root on Linux)');
  }
  try {
    const error = await failure(box.create({ cacheDir: small }).ensure(box.request([['tiny']]), silent, NEVER));
    expect(error.code).toBe('E_DISK_FULL');
    expect(error.hint).toContain('windtunnel clean');
    expect(readdirSync(path.join(small, 'envs')).filter((name) => name !== 'locks')).toEqual([]);
  } finally {
    execFileSync('umount', [small]);
  }
});

it('the pinned fal itself, from the index that this machine is configured with', { timeout: 600_000 }, async () => {
  const env = { ...process.env, PATH: `${path.dirname(await testPython())}:${process.env.PATH}` };
  const built = await box.create({ env }).ensure(box.request([]), silent, NEVER);
  const code =
    'import fal, fal.app, uvicorn, websockets, msgpack; from importlib.metadata import version; print(version("fal"))';
  expect(pythonOutput(python(built), code)).toMatch(/1\.83\.0$/);
});
