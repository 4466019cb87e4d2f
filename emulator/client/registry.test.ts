import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connectEmulator, findEmulator } from './discover.ts';
import { type Host, workspacePaths } from './paths.ts';
import { processStart } from './process-identity.ts';
import { claimWorkspace, lockHolder, readRegistry } from './registry.ts';

let folder: string;
let files: { registry: string; lock: string };
const children: ChildProcess[] = [];
const ENTRY = { version: '1', workspace: '/w', socket: '/s', token: 't', url: 'http://127.0.0.1:9' };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wt-registry-'));
  files = { registry: join(folder, 'state/registry.json'), lock: join(folder, 'state/emulator.lock') };
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** A process that claims the workspace, prints whether it could, and stays until it is killed. */
async function claimant(): Promise<{ child: ChildProcess; won: boolean }> {
  const source = fileURLToPath(new URL('./registry.ts', import.meta.url));
  const program = `
    const { claimWorkspace } = await import(${JSON.stringify(source)});
    const claim = claimWorkspace(${JSON.stringify(files)});
    claim?.publish(${JSON.stringify(ENTRY)});
    console.log(claim ? 'won' : 'lost');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '--no-warnings', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const [line] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  return { child, won: line.toString().trim() === 'won' };
}

test('of processes that start at once exactly one gets the workspace', async () => {
  const all = await Promise.all([1, 2, 3, 4].map(claimant));
  expect(all.filter(({ won }) => won)).toHaveLength(1);
});

test('of processes that find the same dead lock at once exactly one gets it, time after time', async () => {
  const rounds = 1000;
  const source = fileURLToPath(new URL('./registry.ts', import.meta.url));
  const claim = claimWorkspace(files);
  claim?.release();
  const state = join(folder, 'state');
  for (let round = 0; round < rounds; round++) {
    // What a process leaves that was killed, or was killed while it took over from one that was.
    writeFileSync(join(state, `${round}.lock`), JSON.stringify({ pid: 2 ** 22 + 1, processStart: `dead ${round}` }));
  }
  const program = `
    const { claimWorkspace } = await import(${JSON.stringify(source)});
    const [state, start] = process.argv.slice(-2);
    const won = [];
    for (let round = 0; round < ${rounds}; round++) {
      while (Date.now() < Number(start) + round);
      const files = { registry: state + '/' + round + '.json', lock: state + '/' + round + '.lock' };
      if (claimWorkspace(files)) won.push(round);
    }
    console.log(JSON.stringify(won));
    setInterval(() => {}, 1000);`;
  const start = Date.now() + 1500;
  const wins = await Promise.all(
    [1, 2, 3, 4, 5, 6].map(async () => {
      const args = ['--input-type=module', '--no-warnings', '-e', program, state, String(start)];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      children.push(child);
      const [line] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
      return JSON.parse(line.toString()) as number[];
    }),
  );
  expect(wins.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: rounds }, (_, round) => round));
  expect(readdirSync(state).filter((name) => !/^\d+\.lock$/.test(name))).toEqual([]);
});

test('a process that was killed while it took over a dead lock is succeeded as well', () => {
  claimWorkspace(files)?.release();
  const dead = (name: string) => JSON.stringify({ pid: 2 ** 22 + 1, processStart: name });
  const after = (content: string) =>
    `${files.lock}.after-${createHash('sha256').update(content).digest('hex').slice(0, 16)}`;
  writeFileSync(files.lock, dead('one'));
  writeFileSync(after(dead('one')), dead('two'));
  writeFileSync(after(dead('two')), dead('three'));
  const claim = claimWorkspace(files);
  expect(lockHolder(files)).toBe(process.pid);
  expect(claimWorkspace(files)).toBeNull();
  claim?.release();
  expect(readdirSync(join(folder, 'state'))).toEqual([]);
});

test('an emulator that was killed is found to be dead, and its entry is handed to the next', async () => {
  const { child } = await claimant();
  expect(readRegistry(files)?.pid).toBe(child.pid);
  expect(lockHolder(files)).toBe(child.pid);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(readRegistry(files)).toBeNull();
  expect(lockHolder(files)).toBeNull();
  const claim = claimWorkspace(files);
  expect(claim?.stale?.pid).toBe(child.pid);
  claim?.release();
});

test('a reused pid is not taken for the emulator', () => {
  const claim = claimWorkspace(files);
  claim?.publish(ENTRY);
  expect(readRegistry(files)?.pid).toBe(process.pid);
  writeFileSync(files.registry, JSON.stringify({ ...ENTRY, pid: process.pid, processStart: 'another' }));
  expect(readRegistry(files)).toBeNull();
  claim?.release();
});

test('release leaves nothing; the entry is the user’s alone', () => {
  const claim = claimWorkspace(files);
  claim?.publish(ENTRY);
  expect(statSync(files.registry).mode & 0o777).toBe(0o600);
  claim?.release();
  expect(readdirSync(join(folder, 'state'))).toEqual([]);
});

test.each(['', '{', '[]', '{"pid": "1"}'])('a damaged lock %j belongs to nobody', (content) => {
  claimWorkspace(files)?.release();
  writeFileSync(files.lock, content);
  writeFileSync(files.registry, content);
  expect(readRegistry(files)).toBeNull();
  const claim = claimWorkspace(files);
  expect(claim).not.toBeNull();
  claim?.release();
  expect(existsSync(files.lock)).toBe(false);
});

test('the start time of a process: the same each time, null for one that is gone', () => {
  expect(processStart(process.pid)).toBe(processStart(process.pid));
  expect(processStart(2 ** 22 + 1)).toBeNull();
});

test('WINDTUNNEL_URL names an emulator of any workspace by its port', async () => {
  const host: Host = { env: { WINDTUNNEL_HOME: folder }, platform: process.platform, home: '/', uid: 1 };
  const claim = claimWorkspace(workspacePaths(host, '/elsewhere'));
  claim?.publish({ ...ENTRY, url: 'http://127.0.0.1:4321' });
  expect(findEmulator(host, '/here')).toBeNull();
  const named = { ...host, env: { ...host.env, WINDTUNNEL_URL: 'http://localhost:4321' } };
  expect(findEmulator(named, '/here')?.entry.pid).toBe(process.pid);
  const wrong = { ...host, env: { ...host.env, WINDTUNNEL_URL: 'http://localhost:1' } };
  expect(() => findEmulator(wrong, '/here')).toThrow(expect.objectContaining({ code: 'E_EMULATOR_DOWN' }));
  await expect(connectEmulator(host, '/here')).rejects.toMatchObject({ code: 'E_EMULATOR_DOWN' });
  claim?.release();
});
