import { chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { type SmallDisk, smallDisk } from '../support/small-disk.ts';

const apps = path.join(import.meta.dirname, 'apps');

let emulator: EmulatorUnderTest | null = null;
let disk: SmallDisk | null = null;

afterEach(async () => {
  // In this order: what tells of the running emulator may lie on the small disk, which is in the folder that is removed.
  await emulator?.stop();
  disk?.unmount();
  await emulator?.dispose();
  emulator = disk = null;
}, 120_000);

const post = (url: string, body: unknown) =>
  fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

const submitted = async (answer: Response) => ((await answer.json()) as { request_id: string }).request_id;
const statusOf = async (url: string, id: string) =>
  ((await (await fetch(`${url}/queue/local/good/requests/${id}/status`)).json()) as { status: string }).status;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** An emulator whose PATH holds this one `python3` and no uv. */
async function withPythonOf(script: string | null): Promise<EmulatorUnderTest> {
  const prepared = await EmulatorUnderTest.prepare([apps]);
  const bin = path.join(prepared.folder, 'bin');
  mkdirSync(bin);
  symlinkSync('/bin/sh', path.join(bin, 'sh'));
  symlinkSync('/bin/cat', path.join(bin, 'cat'));
  if (script !== null) {
    writeFileSync(path.join(bin, 'python3'), `#!/bin/sh\n${script}\n`);
    chmodSync(path.join(bin, 'python3'), 0o755);
  }
  prepared.env.PATH = bin;
  prepared.env.PYENV_ROOT = path.join(bin, 'none');
  await prepared.boot();
  return prepared;
}

const answering = (facts: object) =>
  `cat <<'END'\n${JSON.stringify({ executable: '/opt/py/bin/python3', pip: false, arch: 'x86_64', ...facts })}\nEND`;

describe('a machine that lacks something: one clear line with the fix, and the emulator stays up', () => {
  const pythons = [
    {
      name: 'no Python at all',
      script: null,
      says: [/E_PYTHON_MISSING/, /fix: .*(Install|uv python install)/],
    },
    {
      name: 'a python3 that is broken',
      script: 'echo "python3: error while loading shared libraries: libpython3.so" >&2; exit 127',
      says: [/E_PYTHON_MISSING/, /loading shared libraries/],
    },
    {
      name: 'a Python that is too old for fal',
      script: answering({ version: '3.8.10', venv: true }),
      says: [/E_PYTHON_VERSION/, /3\.8/],
    },
    {
      name: 'a Python without its venv module',
      script: answering({ version: '3.12.3', venv: false }),
      says: [/E_PYTHON_NO_VENV/, /fix: .*apt install python3(\.12)?-venv/],
    },
  ];
  for (const { name, script, says } of pythons) {
    test(name, async () => {
      emulator = await withPythonOf(script);
      const result = await emulator.cli('run', 'apps/good.py', '--no-watch');
      for (const pattern of says) expect(result.stdout + result.stderr).toMatch(pattern);
      expect(result.code, 'not the fault of the app').toBe(name.includes('old') ? 1 : 3);
      expect((await emulator.cli('ps')).stdout).toMatch(/no apps/);
    }, 120_000);
  }

  test('a port that another program has: its name, and no other port by surprise', async () => {
    emulator = await EmulatorUnderTest.prepare([]);
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as { port: number };
    try {
      for (const command of [['up'], ['run', 'app.py']]) {
        writeFileSync(path.join(emulator.workspace, 'app.py'), 'x = 1\n');
        const result = await emulator.cli(...command, '--port', String(port));
        expect(result.stderr).toMatch(new RegExp(`error: .*\\b${port}\\b.*\\[E_PORT_TAKEN\\]\n +fix: .*--port`));
        if (process.platform === 'linux') expect(result.stderr).toContain(`pid ${process.pid}`);
        expect(result.code).toBe(3);
      }
    } finally {
      await new Promise((resolve) => other.close(resolve));
    }
  }, 120_000);

  test('the usual port that another program has: a free one instead', async () => {
    emulator = await EmulatorUnderTest.prepare([]);
    const other = createServer();
    // Taken by this, or by another program that was here first.
    await new Promise<void>((resolve) =>
      other
        .once('listening', resolve)
        .once('error', () => resolve())
        .listen(8799),
    );
    try {
      const up = await emulator.cli('up');
      expect(up, up.stderr).toMatchObject({ code: 0 });
      expect(emulator.url).not.toMatch(/:8799$/);
      expect((await emulator.client.status()).url).toBe(emulator.url);
    } finally {
      await new Promise((resolve) => other.close(resolve));
    }
  }, 120_000);

  test('a disk that becomes full: submits are refused with 507, all else goes on, and nothing is lost', async (context) => {
    // What it logs then has no room either.
    emulator = await EmulatorUnderTest.prepare([apps], { WINDTUNNEL_DEBUG: '1' });
    const state = path.join(emulator.folder, 'wt/workspaces');
    mkdirSync(state);
    disk = smallDisk(context, state, 16);
    await emulator.boot();
    await emulator.run('apps/good.py');
    const { url } = emulator;
    const running: string[] = [];
    for (let i = 0; i < 4; i++)
      running.push(await submitted(await post(`${url}/queue/local/good/slow`, { seconds: 2 })));
    while ((await statusOf(url, running[0] ?? '')) !== 'IN_PROGRESS') await pause(20);
    disk.fill(path.join(state, readdirSync(state)[0] ?? '', 'emulator.log'));
    const refused: Response[] = [];
    // Some first ones may fit into a page that is there already.
    for (let i = 0; i < 20; i++) {
      const answer = await post(`${url}/queue/local/good`, { count: i, padding: 'p'.repeat(20_000) });
      if (answer.status !== 200) refused.push(answer);
    }
    expect(refused.length).toBeGreaterThan(15);
    for (const answer of refused) {
      expect([answer.status, answer.headers.get('x-windtunnel-error')]).toEqual([507, 'E_DISK_FULL']);
      expect(await answer.text()).toMatch(/disk .*full.*Free some space/);
    }
    const large = await post(`${url}/queue/local/good`, { count: 1, padding: 'p'.repeat(3_000_000) });
    expect([large.status, large.headers.get('x-windtunnel-error')]).toEqual([507, 'E_DISK_FULL']);
    const direct = await post(`${url}/run/local/good`, { count: 3 });
    expect(direct.status, 'a direct call needs no disk').toBe(200);
    await pause(2500);
    for (const id of running) expect(await statusOf(url, id), 'its result is not stored yet').toBe('IN_PROGRESS');
    expect((await emulator.cli('ps')).code).toBe(0);

    disk.free();
    const again = await submitted(await post(`${url}/queue/local/good`, { count: 7 }));
    for (const id of [again, ...running]) while ((await statusOf(url, id)) !== 'COMPLETED') await pause(50);
    const resultOf = async (id: string) => (await fetch(`${url}/queue/local/good/requests/${id}`)).json();
    expect(await resultOf(again)).toEqual({ count: 7 });
    for (const id of running) expect(await resultOf(id)).toEqual({ slept: 2, calls: expect.any(Number) });
    const runs = await post(`${url}/run/local/good/slow`, { seconds: 0 });
    expect(await runs.json(), 'none ran a second time').toEqual({ slept: 0, calls: running.length + 1 });
  }, 120_000);

  test('a disk that is full at the start', async (context) => {
    emulator = await EmulatorUnderTest.prepare([]);
    disk = smallDisk(context, path.join(emulator.folder, 'wt'), 1);
    disk.fill();
    const result = await emulator.cli('up');
    expect(result.stderr).toMatch(/\[E_DISK_FULL\]\n +fix: Free some space/);
    expect(result.code).toBe(3);
  }, 120_000);

  test('a disk that becomes full while an environment is built: told, nothing half-made is left, and it can be tried again', async (context) => {
    emulator = await EmulatorUnderTest.prepare([apps]);
    const envs = path.join(emulator.folder, 'wt/envs');
    rmSync(envs);
    mkdirSync(envs);
    disk = smallDisk(context, envs, 24);
    await emulator.boot();
    const result = await emulator.cli('run', 'apps/good.py', '--no-watch');
    expect(result.stdout).toMatch(/error: The disk became full while the environment was built\. \[E_DISK_FULL\]/);
    expect(result.stdout).toMatch(/fix: Free some space/);
    expect(result.code).toBe(3);
    expect((await emulator.cli('clean', '--json')).stdout).not.toMatch(/"bytes": \d{7,}/);
    expect((await emulator.cli('ps')).stdout).toMatch(/no apps/);
  }, 180_000);
});
