import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { AgentProcess } from './agent-process.ts';
import { processStart } from './processes.ts';
import { RunnerRegistry } from './runner-registry.ts';

// sun_path holds 104 bytes on macOS and 108 on Linux, the final zero included; `metrics.sock` is the longest name.
const SOCKET_PATH_MAX = 103;
const LONGEST_SOCKET = 'metrics.sock';

/** What runners have on disk: a folder each, and a record by which the next emulator finds what a killed one left. */
export class RunnerPlaces {
  private readonly runtimeDir: string;
  private readonly registry: RunnerRegistry;

  /** `runtimeDir` is made when missing. */
  constructor(runtimeDir: string) {
    this.runtimeDir = runtimeDir;
    this.registry = new RunnerRegistry(path.join(runtimeDir, 'runners'));
  }

  /** A new folder, whose path is short enough for the sockets in it. */
  async make(): Promise<string> {
    const { runtimeDir } = this;
    await mkdir(runtimeDir, { recursive: true, mode: 0o700 });
    const dir = path.join(runtimeDir, `r-${randomBytes(4).toString('hex')}`);
    if (Buffer.byteLength(path.join(dir, LONGEST_SOCKET)) > SOCKET_PATH_MAX) {
      return mkdtemp(path.join(tmpdir(), 'wt-'));
    }
    await mkdir(dir, { mode: 0o700 });
    return dir;
  }

  /** `mark`: what the runner's processes are known by. */
  async record(mark: string, app: string, dir: string, agent: AgentProcess): Promise<void> {
    const { pid } = agent.process;
    if (pid === undefined) return;
    await this.registry.add({
      id: mark,
      app,
      dir,
      emulator: { pid: process.pid, start: await processStart(process.pid) },
      agent: { pid, start: await processStart(pid) },
    });
  }

  async remove(mark: string, dir: string): Promise<void> {
    await rm(dir, { recursive: true, force: true });
    await this.registry.remove(mark);
  }

  /** Removes what a dead emulator left, one line for each runner; `live` are the folders of those that run. */
  async sweep(live: Iterable<string>): Promise<string[]> {
    const removed = await this.registry.sweep();
    for (const name of await this.strays(live)) {
      await rm(path.join(this.runtimeDir, name), { recursive: true, force: true });
    }
    return removed;
  }

  /** Folders of runners that have no record: their emulator died between making the one and the other. */
  private async strays(live: Iterable<string>): Promise<string[]> {
    const known = new Set([...(await this.registry.dirs()), ...live].map((dir) => path.basename(dir)));
    try {
      return (await readdir(this.runtimeDir)).filter((name) => name.startsWith('r-') && !known.has(name));
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
      throw error;
    }
  }
}
