import * as z from 'zod/mini';
import type { Clock } from '../core/clock.ts';
import type { RunCommand } from './run-command.ts';

/** A Python interpreter that was run once to see what it is. */
export interface PythonInfo {
  /** As it was named or found. */
  path: string;
  /** Absolute path of the interpreter behind shims and virtual environments. */
  executable: string;
  /** `3.11.7` */
  version: string;
  /** `3.11` */
  minor: string;
  /** Both `venv` and `ensurepip` are there (Debian ships them apart). */
  canMakeVenv: boolean;
  hasPip: boolean;
  arch: string;
}

const ProbeSchema = z.object({
  executable: z.string(),
  version: z.string(),
  venv: z.boolean(),
  pip: z.boolean(),
  arch: z.string(),
});

// 3.8-compatible: an old Python must be able to say how old it is. sys._base_executable leads out of a virtual environment.
const PROBE = `
import importlib.util as u, json, os, platform, sys
base = getattr(sys, "_base_executable", None) or sys.executable
print(json.dumps({
    "executable": os.path.realpath(base),
    "version": "%d.%d.%d" % sys.version_info[:3],
    "venv": bool(u.find_spec("venv") and u.find_spec("ensurepip")),
    "pip": bool(u.find_spec("pip")),
    "arch": platform.machine(),
}))
`;

/** A shim that waits for input, or a Python on a dead network mount, must not hold up the start. ms. */
const PROBE_TIMEOUT = 20_000;

export interface ProbeDeps {
  run: RunCommand;
  env: NodeJS.ProcessEnv;
  clock: Clock;
}

/** What the interpreter at `path` is, or in one line why it can't be used. */
export async function probePython(path: string, deps: ProbeDeps, signal: AbortSignal): Promise<PythonInfo | string> {
  const timeout = new AbortController();
  const timer = deps.clock.setTimeout(() => timeout.abort(new Error('did not answer in time')), PROBE_TIMEOUT);
  try {
    const result = await deps.run([path, '-I', '-c', PROBE], {
      cwd: '/',
      env: deps.env,
      signal: AbortSignal.any([signal, timeout.signal]),
    });
    if (result.code !== 0) return complaint(result.stderr) || `ended with ${result.code ?? result.signal}`;
    const parsed = z.safeParse(ProbeSchema, parseJson(lastLine(result.stdout)));
    if (!parsed.success) return 'is not a Python interpreter';
    const { executable, version, venv, pip, arch } = parsed.data;
    return { path, executable, version, minor: minorOf(version), canMakeVenv: venv, hasPip: pip, arch };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    const code = (error as NodeJS.ErrnoException).code;
    return code === 'ENOENT' ? 'does not exist' : error instanceof Error ? error.message : String(error);
  } finally {
    timer.cancel();
  }
}

/** `3.11` of `3.11.7`. */
export const minorOf = (version: string): string => version.split('.').slice(0, 2).join('.');

const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1)?.trim() ?? '';

// A traceback says it last; a shim or a loader says it first.
const complaint = (text: string): string =>
  text.includes('Traceback') ? lastLine(text) : (text.trimStart().split('\n')[0]?.trim() ?? '');

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
