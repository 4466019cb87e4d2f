import path from 'node:path';
import { WindtunnelError } from '../contract/index.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { choosePython, type ProbedPython } from './choose-python.ts';
import { parsePipConfig, planForUv } from './installer-settings.ts';
import { type PythonInfo, probePython } from './probe-python.ts';
import { inPath, pythonCandidates, workspaceVenvs } from './python-candidates.ts';
import type { RunCommand } from './run-command.ts';

/** What installs, and in which environment variables. */
export interface Installer {
  /** Null: pip. */
  uv: string | null;
  env: NodeJS.ProcessEnv;
  /** Arguments for each of its installs. */
  args: string[];
  /** pip's effective configuration. */
  pip: ReadonlyMap<string, string>;
  /** Why pip is used though uv is there, to be told once. */
  note: string | null;
}

export interface ToolchainOptions {
  env: NodeJS.ProcessEnv;
  run: RunCommand;
  clock: Clock;
  log: Log;
  workspaceDir: string;
  pythonSetting?: string;
  editorPython?: string;
}

/** Python of an image for an app that names none, on a machine that has none. */
const IMAGE_PYTHON = '3.12';

/** How long an answer of another program is taken as still true: a reload must not start three interpreters. ms. */
const FRESH = 60_000;

/** Which Python and which installer, from what this machine has. */
export class Toolchain {
  private readonly options: ToolchainOptions;
  private readonly memory = new Map<string, { at: number; value: unknown }>();

  constructor(options: ToolchainOptions) {
    this.options = options;
  }

  /** Rejects with E_PYTHON_*. */
  async python(appDir: string, wanted: string | null, signal: AbortSignal): Promise<PythonInfo> {
    const minor = wanted?.split('.').slice(0, 2).join('.') ?? null;
    const hasUv = this.uv(appDir) !== null;
    return choosePython(this.candidates(appDir, minor), minor, hasUv, (file) => this.probe(file, signal));
  }

  async installer(python: PythonInfo, appDir: string, signal: AbortSignal): Promise<Installer> {
    const { env } = this.options;
    const pip = python.hasPip ? await this.pipConfig(python, signal) : new Map<string, string>();
    const uv = this.uv(appDir);
    const plan = planForUv(pip, env);
    if (uv !== null && plan.installer === 'uv')
      return { uv, env: { ...env, ...plan.env }, args: plan.args, pip, note: null };
    const note = uv !== null && plan.installer === 'pip' ? `Using pip instead of uv: ${plan.reason}` : null;
    // A Python without ensurepip has no pip to fall back to.
    if (!python.canMakeVenv && uv !== null) return { uv, env, args: [], pip, note: null };
    return { uv: null, env, args: [], pip, note };
  }

  /** What an image takes over of this machine: the minor version of its Python, and how its pip is configured. */
  async forImage(
    appDir: string,
    wanted: string | null,
    signal: AbortSignal,
  ): Promise<{ minor: string; pip: ReadonlyMap<string, string> }> {
    const minor = wanted?.split('.').slice(0, 2).join('.') ?? null;
    try {
      const python = await this.python(appDir, null, signal);
      const pip = python.hasPip ? await this.pipConfig(python, signal) : new Map<string, string>();
      return { minor: minor ?? python.minor, pip };
    } catch (error) {
      signal.throwIfAborted();
      // An image brings its own Python: none is needed here.
      if (!(error instanceof WindtunnelError)) throw error;
      return { minor: minor ?? IMAGE_PYTHON, pip: new Map() };
    }
  }

  async inspect(signal: AbortSignal): Promise<ProbedPython[]> {
    const found: ProbedPython[] = [];
    for (const candidate of this.candidates(this.options.workspaceDir, null)) {
      found.push({ ...candidate, result: await this.probe(candidate.path, signal) });
    }
    return found;
  }

  private candidates(appDir: string, wanted: string | null) {
    const { env, workspaceDir, pythonSetting, editorPython } = this.options;
    return pythonCandidates({
      setting: pythonSetting ?? null,
      editor: editorPython ?? null,
      appDir,
      workspaceDir,
      wanted,
      env,
    });
  }

  private uv(appDir: string): string | null {
    const { env, workspaceDir } = this.options;
    const home = env.HOME;
    const own = workspaceVenvs(appDir, workspaceDir).map((venv) => path.join(venv, 'bin', 'uv'));
    // Where uv's own installer and cargo put it: an editor that was started from a desktop has a short PATH.
    const usual = home === undefined ? [] : [path.join(home, '.local/bin/uv'), path.join(home, '.cargo/bin/uv')];
    for (const file of [...own, 'uv', ...usual]) {
      const found = inPath(file, env);
      if (found !== null) return found;
    }
    return null;
  }

  private probe(file: string, signal: AbortSignal): Promise<PythonInfo | string> {
    return this.remember(`probe ${file}`, () => probePython(file, this.options, signal));
  }

  private pipConfig(python: PythonInfo, signal: AbortSignal): Promise<Map<string, string>> {
    const { run, env, log } = this.options;
    return this.remember(`pip ${python.path}`, async () => {
      const result = await run([python.path, '-m', 'pip', 'config', 'list'], { cwd: '/', env, signal });
      if (result.code !== 0) log.warn('pip config list failed', { python: python.path, stderr: result.stderr });
      return parsePipConfig(result.stdout);
    });
  }

  private async remember<T>(key: string, ask: () => Promise<T>): Promise<T> {
    const now = this.options.clock.monotonic();
    const known = this.memory.get(key);
    if (known && now - known.at < FRESH) return known.value as T;
    const value = await ask();
    this.memory.set(key, { at: now, value });
    return value;
  }
}
