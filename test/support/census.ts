import { execFile } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import type { EmulatorUnderTest } from './emulator.ts';

const execute = promisify(execFile);

/** What of one emulator exists on the machine. */
export interface Census {
  /** Command lines, found by the private folder in their environment. */
  processes: string[];
  listening: string[];
  /** Paths of bound unix sockets. */
  sockets: string[];
  runtime: string[];
  temporary: string[];
  mounts: string[];
  /** Folders of environments that no marker makes count, in a cache of its own. */
  halfBuilt: string[];
}

/** Linux only. */
export async function takeCensus(emulator: EmulatorUnderTest): Promise<Census> {
  const { folder } = emulator;
  const found = processesOf(folder);
  const { stdout } = await execute('ss', ['-Hlntp']);
  const owned = (line: string) => [...found.keys()].some((pid) => line.includes(`pid=${pid},`));
  return {
    processes: [...found.values()].sort(),
    listening: stdout.split('\n').filter(owned),
    sockets: lines('/proc/net/unix')
      .map((line) => line.split(' ').at(-1) ?? '')
      .filter((name) => name.startsWith(folder)),
    runtime: (readdirSync(path.join(folder, 'run'), { recursive: true }) as string[]).sort(),
    temporary: readdirSync(path.join(folder, 'tmp')).sort(),
    mounts: lines('/proc/self/mounts').filter((line) => line.includes(folder)),
    halfBuilt: halfBuilt(path.join(folder, 'wt/envs')),
  };
}

/** Waits until no process is left, then compares all: what ends by itself may take a moment, nothing else may stay. */
export async function expectNothingLeft(emulator: EmulatorUnderTest, before: Census, why = ''): Promise<void> {
  for (let i = 0; i < 600 && processesOf(emulator.folder).size > before.processes.length; i++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(await takeCensus(emulator), why).toEqual(before);
}

/** Command lines by process, of those that have this folder in their environment. */
export function processesOf(folder: string): Map<number, string> {
  const found = new Map<number, string>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    try {
      const read = (file: string) => readFileSync(`/proc/${name}/${file}`, 'utf8');
      if (!read('environ').includes(folder) || /^State:\s+Z/m.test(read('status'))) continue;
      found.set(Number(name), read('cmdline').replaceAll('\0', ' ').trim());
    } catch {
      // It ended while it was looked at, or is another user's: not one that was left.
    }
  }
  return found;
}

/** None where the cache is the shared one: other tests may build there at this moment. */
function halfBuilt(envs: string): string[] {
  if (lstatSync(envs, { throwIfNoEntry: false })?.isDirectory() !== true) return [];
  return readdirSync(envs).filter(
    (key) => /^[0-9a-f]{32}$/.test(key) && !existsSync(path.join(envs, key, 'complete.json')),
  );
}

const lines = (file: string): string[] => readFileSync(file, 'utf8').split('\n');
