import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { ControlClient } from '../../emulator/client/control-client.ts';
import { findEmulator } from '../../emulator/client/discover.ts';
import type { Host } from '../../emulator/client/paths.ts';
import type { AppId, RegistryEntry } from '../../emulator/contract/index.ts';
import { testPython } from './python.ts';

const execute = promisify(execFile);
const root = path.resolve(import.meta.dirname, '../..');
/** The built CLI; `WINDTUNNEL_TEST_CLI` names another build, such as one that is broken on purpose. */
export const cliFile = process.env.WINDTUNNEL_TEST_CLI ?? path.join(root, 'dist/emulator.js');

export interface RunResult {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  as?: AppId;
  symbol?: string;
  watch?: boolean;
  engine?: 'process' | 'docker';
}

/** A real emulator from the built CLI, in a workspace, home and runtime folder of its own, stopped by `dispose`. */
export class EmulatorUnderTest {
  readonly folder: string;
  readonly workspace: string;
  readonly env: NodeJS.ProcessEnv;
  /** Where apps run that name no engine: `WINDTUNNEL_TEST_ENGINE=docker` runs them in containers. */
  readonly engine: 'process' | 'docker';
  private readonly cliFile: string;
  private up: ChildProcess | null = null;
  output = '';

  private constructor(folder: string, python: string, env: NodeJS.ProcessEnv, cli: string) {
    this.folder = folder;
    this.cliFile = cli;
    this.workspace = path.join(folder, 'ws');
    for (const name of ['ws', 'home', 'run', 'tmp', 'wt']) mkdirSync(path.join(folder, name), { mode: 0o700 });
    // Environments are keyed by their content: one cache for all runs, or every test would install fal again.
    const cache = path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'windtunnel-test');
    mkdirSync(path.join(cache, 'envs'), { recursive: true });
    symlinkSync(path.join(cache, 'envs'), path.join(folder, 'wt', 'envs'));
    const { FAL_KEY: _key, FAL_PROFILE: _profile, ...rest } = process.env;
    this.env = {
      ...rest,
      HOME: path.join(folder, 'home'),
      WINDTUNNEL_HOME: path.join(folder, 'wt'),
      XDG_RUNTIME_DIR: path.join(folder, 'run'),
      TMPDIR: path.join(folder, 'tmp'),
      UV_CACHE_DIR: path.join(cache, 'uv'),
      PIP_CACHE_DIR: path.join(cache, 'pip'),
      // uv and fal of the tests' own environment come first, as with an activated one.
      PATH: `${path.dirname(python)}${path.delimiter}${process.env.PATH}`,
      ...env,
    };
    this.engine = this.env.WINDTUNNEL_TEST_ENGINE === 'docker' ? 'docker' : 'process';
  }

  /** Starts `windtunnel up` over copies of these files and folders; registers nothing yet. */
  static async start(
    files: readonly string[],
    env: NodeJS.ProcessEnv = {},
    cli: string = cliFile,
  ): Promise<EmulatorUnderTest> {
    const emulator = await EmulatorUnderTest.prepare(files, env, cli);
    await emulator.boot();
    return emulator;
  }

  /** The same before its start: a workspace that no emulator has seen. */
  static async prepare(
    files: readonly string[],
    env: NodeJS.ProcessEnv = {},
    cli: string = cliFile,
  ): Promise<EmulatorUnderTest> {
    if (!existsSync(cli)) throw new Error(`${cli} is missing: run \`npm run build\` first`);
    const folder = mkdtempSync(path.join(tmpdir(), 'wt-e-'));
    const emulator = new EmulatorUnderTest(folder, await testPython(), env, cli);
    for (const file of files) cpSync(file, path.join(emulator.workspace, path.basename(file)), { recursive: true });
    return emulator;
  }

  /** Starts the emulator process, again after `kill`. */
  async boot(extra: readonly string[] = []): Promise<void> {
    const up = spawn(process.execPath, [this.cliFile, 'up', '--port', '0', ...extra], {
      cwd: this.workspace,
      env: this.env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.up = up;
    let out = '';
    const keep = (chunk: Buffer) => {
      out += chunk.toString();
      this.output += chunk.toString();
    };
    up.stdout.on('data', keep);
    up.stderr.on('data', keep);
    const [code] = await once(up, 'close');
    // `up` leaves the emulator in the background; it ends when that one is ready.
    if (code !== 0) throw new Error(`windtunnel up ended with ${code}:\n${out}`);
  }

  private get host(): Host {
    return {
      env: this.env,
      platform: process.platform,
      home: path.join(this.folder, 'home'),
      uid: process.getuid?.() ?? 0,
    };
  }

  get running(): boolean {
    return findEmulator(this.host, this.workspace) !== null;
  }

  get entry(): RegistryEntry {
    return this.found().entry;
  }

  get url(): string {
    return this.entry.url;
  }

  get client(): ControlClient {
    return this.found().client;
  }

  /** Registers an app of the workspace, `FILE[::Symbol]`, and waits for its first runner. */
  async run(app: string, options: RunOptions = {}): Promise<AppId> {
    const id = await this.register(app, options);
    await this.client.start(id);
    return id;
  }

  /** Registers an app of the workspace; its first request starts a runner. */
  async register(app: string, options: RunOptions = {}): Promise<AppId> {
    const [file = '', symbol] = app.split('::');
    const answer = await this.client.run({
      file: path.join(this.workspace, file),
      symbol: options.symbol ?? symbol ?? null,
      as: options.as ?? null,
      engine: options.engine ?? this.engine,
      watch: options.watch ?? false,
    });
    return answer.app.id;
  }

  /** Runs our CLI in the workspace. */
  cli(...args: string[]): Promise<RunResult> {
    return this.cliIn({}, ...args);
  }

  /** The same with more variables around it. */
  cliIn(env: NodeJS.ProcessEnv, ...args: string[]): Promise<RunResult> {
    return finish(process.execPath, [this.cliFile, ...args], { cwd: this.workspace, env: { ...this.env, ...env } });
  }

  /** Runs a program under `windtunnel exec`, as a user would. */
  exec(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<RunResult> {
    return finish(process.execPath, [this.cliFile, 'exec', '--', command, ...args], {
      cwd: this.workspace,
      env: { ...this.env, WT_URL: this.url, ...env },
    });
  }

  /** The variables of `windtunnel env`. */
  async execEnv(): Promise<NodeJS.ProcessEnv> {
    const { stdout } = await execute(process.execPath, [this.cliFile, 'env', '--json'], {
      cwd: this.workspace,
      env: this.env,
    });
    return JSON.parse(stdout);
  }

  /** SIGKILL to the emulator itself, as a crash. */
  async kill(): Promise<void> {
    const { pid } = this.entry;
    process.kill(pid, 'SIGKILL');
    await gone(pid);
  }

  async stop(): Promise<RunResult> {
    return this.cli('down');
  }

  async dispose(): Promise<void> {
    const found = findEmulator(this.host, this.workspace);
    if (found) {
      await this.stop();
      await gone(found.entry.pid);
    }
    this.up?.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }

  private found() {
    const found = findEmulator(this.host, this.workspace);
    if (!found) throw new Error(`No emulator runs in ${this.workspace}. Its output:\n${this.output}`);
    return found;
  }
}

/** Waits until a process is no more; fails after two minutes: a machine may have much else to do. */
export async function gone(pid: number): Promise<void> {
  for (let i = 0; i < 2400; i++) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`process ${pid} is still there after two minutes`);
}

function finish(command: string, args: readonly string[], options: { cwd: string; env: NodeJS.ProcessEnv }) {
  return new Promise<RunResult>((resolve, reject) => {
    const child = spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    const result: RunResult = { code: null, stdout: '', stderr: '' };
    child.stdout.on('data', (chunk) => {
      result.stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      result.stderr += chunk;
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ ...result, code }));
  });
}
