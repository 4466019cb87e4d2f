import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cliFile, EmulatorUnderTest, gone } from '../support/emulator.ts';
import { requires } from '../support/skip.ts';

const execute = promisify(execFile);
const apps = path.join(import.meta.dirname, '../bad-input/apps');

let emulator: EmulatorUnderTest;

beforeEach(async (context) => {
  await requires('linux')(context);
  emulator = await EmulatorUnderTest.start([apps]);
}, 60_000);

afterEach(() => emulator?.dispose(), 60_000);

interface Census {
  processes: string[];
  listening: string[];
  runtime: string[];
  temporary: string[];
  mounts: string[];
}

/** What of this emulator exists on the machine: its processes (found by their environment), sockets, folders, mounts. */
async function census(): Promise<Census> {
  const mark = `WINDTUNNEL_HOME=${emulator.env.WINDTUNNEL_HOME}`;
  const own = `${process.pid}`;
  const processes: string[] = [];
  const pids = new Set<string>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name) && name !== own)) {
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
      if (!environment.includes(mark) && !environment.includes(emulator.folder)) continue;
      if (/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) continue;
      processes.push(readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim());
      pids.add(pid);
    } catch {
      // The process ended while it was looked at: it is not left over.
    }
  }
  const { stdout } = await execute('ss', ['-Hlntp']);
  const listening = stdout.split('\n').filter((line) => [...pids].some((pid) => line.includes(`pid=${pid},`)));
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(emulator.folder));
  return {
    processes,
    listening,
    runtime: list(path.join(emulator.folder, 'run')),
    temporary: readdirSync('/tmp')
      .filter((name) => /^(wt-r|windtunnel)/.test(name))
      .sort(),
    mounts,
  };
}

function list(folder: string): string[] {
  return (readdirSync(folder, { recursive: true }) as string[]).sort();
}

const post = (pathname: string, body: unknown) =>
  fetch(`${emulator.url}${pathname}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

describe('nothing is left', () => {
  /** Before the first start: the state of the machine that each test must return to. */
  async function fresh(): Promise<Census> {
    await emulator.stop();
    const before = await census();
    expect(before.processes).toEqual([]);
    return before;
  }

  test('after up, run, requests and down', async () => {
    const before = await fresh();
    await emulator.boot();
    await emulator.run('apps/good.py');
    expect((await post('/run/local/good', { count: 1 })).status).toBe(200);
    expect((await census()).processes.length, 'the census sees what runs').toBeGreaterThanOrEqual(3);
    const { pid } = emulator.entry;
    await emulator.stop();
    await gone(pid);
    expect(await census()).toEqual(before);
  }, 120_000);

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    test(`after ${signal} to run, with a child that double-forks and a request in flight`, async () => {
      const before = await fresh();
      const run = spawn(process.execPath, [cliFile, 'run', 'apps/good.py', '--port', '0'], {
        cwd: emulator.workspace,
        env: emulator.env,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let output = '';
      for (const stream of [run.stdout, run.stderr]) stream.on('data', (chunk) => (output += chunk));
      for (let i = 0; i < 600 && !output.includes('ready in'); i++) await new Promise((r) => setTimeout(r, 100));
      expect(output).toContain('ready in');
      expect((await post('/run/local/good/fork', {})).status).toBe(200);
      await post('/queue/local/good/block', { seconds: 20 });
      run.kill(signal);
      await once(run, 'close');
      expect(await census(), output).toEqual(before);
    }, 120_000);
  }

  test('after kill -9 of the emulator, without waiting for the next start', async () => {
    const before = await fresh();
    await emulator.boot();
    await emulator.run('apps/good.py');
    expect((await post('/run/local/good/fork', {})).status).toBe(200);
    await emulator.kill();
    // The dead-man switch: TERM, the app's grace of 5 s, KILL.
    for (let i = 0; i < 200 && (await census()).processes.length > 0; i++) await new Promise((r) => setTimeout(r, 100));
    expect((await census()).processes).toEqual([]);
    await emulator.boot();
    const { pid } = emulator.entry;
    await emulator.stop();
    await gone(pid);
    expect(await census()).toEqual(before);
  }, 120_000);
});
