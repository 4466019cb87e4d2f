import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { testPython } from '../../../test/support/python.ts';
import { systemClock } from '../../core/clock.ts';
import { silentLog } from '../../core/log.ts';
import { createProcessEngine } from './process-engine.ts';
import { markedProcesses } from './processes.ts';
import { FIXTURES, HARNESS, runs, until } from './testing.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'wtt-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const nextEngine = () =>
  createProcessEngine({
    clock: systemClock,
    log: silentLog,
    runtimeDir: path.join(folder, 'run'),
    gatewayPort: () => 8799,
    harnessDir: HARNESS,
    parentEnv: {},
  });

/** Starts the stand-in emulator; resolves with the runner's id once it is where the case wants it. */
async function emulator(setup: string, at: string) {
  const child = spawn(
    process.execPath,
    [path.join(FIXTURES, 'emulator-main.ts'), folder, await testPython(), setup, at],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('READY ')) return { child, id: line.slice(6) };
  }
  throw new Error('The emulator ended before its runner was ready.');
}

async function agentPid(): Promise<number> {
  const names = await readdir(path.join(folder, 'run', 'runners'));
  const record = JSON.parse(await readFile(path.join(folder, 'run', 'runners', names[0]!), 'utf8'));
  return record.agent.pid;
}

it.each([
  ['idle', '', '', true],
  ['in setup', 'hang', '', false],
  ['in a request', '', '/block', false],
  ['while C code holds the GIL', '', '/gil', false],
])('nothing of a runner outlives an emulator that is killed %s', async (_name, setup, at, teardown) => {
  const { child, id } = await emulator(setup, at);
  expect((await markedProcesses(id)).length).toBeGreaterThan(0);
  const agent = await agentPid();
  child.kill('SIGKILL');
  // A grace of one second, and what a loaded machine adds.
  await until('all is gone', async () => !(await runs(agent)) && (await markedProcesses(id)).length === 0);
  expect(existsSync(path.join(folder, 'teardown'))).toBe(teardown);
  expect(await nextEngine().sweep()).toEqual([`runner ${id} of local/test: 0 processes killed`]);
  expect(await readdir(path.join(folder, 'run'))).toEqual(['runners']);
  expect(await readdir(path.join(folder, 'run', 'runners'))).toEqual([]);
});

it('a sweep kills what an emulator and its agent left when both were killed, daemons too', async () => {
  const { child, id } = await emulator('child', '');
  const agent = await agentPid();
  process.kill(agent, 'SIGSTOP');
  child.kill('SIGKILL');
  await until('the emulator is gone', () => child.exitCode !== null || child.signalCode !== null);
  process.kill(agent, 'SIGKILL');
  await until('the app is gone with its agent', async () => (await markedProcesses(id)).length === 1);
  const [line] = await nextEngine().sweep();
  expect(line).toBe(`runner ${id} of local/test: 1 process killed`);
  await until('the child is gone', async () => (await markedProcesses(id)).length === 0);
});

it('a sweep leaves the runners of an emulator that lives', async () => {
  const { child, id } = await emulator('', '');
  expect(await nextEngine().sweep()).toEqual([]);
  expect((await markedProcesses(id)).length).toBeGreaterThan(0);
  expect(await readdir(path.join(folder, 'run'))).toHaveLength(2);
  child.kill('SIGKILL');
  await until('all is gone', async () => (await markedProcesses(id)).length === 0);
});
