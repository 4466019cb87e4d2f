import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { WindtunnelError } from '../contract/index.ts';
import type { Clock } from '../core/clock.ts';
import { type Marker, writeMarker } from './built-folder.ts';
import { installError, redactUrls, toBuildError } from './install-error.ts';
import type { PythonInfo } from './probe-python.ts';
import type { LayerArguments } from './requirement-arguments.ts';
import type { CommandResult, RunCommand } from './run-command.ts';
import { supervised } from './supervise.ts';

export interface BuildPlan {
  python: PythonInfo;
  layers: string[][];
  arguments: LayerArguments[];
  contextDir: string;
  /** Path of uv, null to use `python -m venv` and pip. */
  uv: string | null;
  /** Arguments of each install besides the requirements. */
  installArgs: string[];
  /** The whole environment of the installers. */
  env: NodeJS.ProcessEnv;
}

export interface BuildContext {
  run: RunCommand;
  clock: Clock;
  onProgress: (line: string) => void;
  signal: AbortSignal;
}

const FAL_VERSION = `
import importlib.metadata as m
try:
    print(m.version("fal"))
except m.PackageNotFoundError:
    print("")
`;

/**
 * Builds into `home`, which the caller has locked. Each build has a fresh folder where it stays: scripts and editable
 * installs hold absolute paths, so nothing is moved; the marker, renamed into place last, makes it count. What an earlier
 * build left here is removed first; a failed or aborted one removes its own.
 */
export async function buildEnvironment(home: string, plan: BuildPlan, context: BuildContext): Promise<Marker> {
  const folder = randomUUID().slice(0, 8);
  const venv = path.join(home, folder);
  const scratch = path.join(home, `${folder}.tmp`);
  try {
    await clear(home);
    // Temporary files of installers are large and would outlive a kill in /tmp: here the next build finds them.
    await mkdir(scratch, { recursive: true });
    const step = (argv: string[]) => install(argv, plan, scratch, context);
    const python = path.join(venv, 'bin', 'python');
    context.onProgress(`Creating an environment with Python ${plan.python.version}${plan.uv ? ' and uv' : ''}`);
    const made = await step(
      plan.uv
        ? [plan.uv, 'venv', '--quiet', '--no-project', '--python', plan.python.executable, venv]
        : [plan.python.executable, '-m', 'venv', '--without-pip', venv],
    );
    if (made.code !== 0) throw venvError(plan.python, output(made));
    // venv runs the same by itself, but swallows why it failed (a full disk, say).
    const seeded = plan.uv ? made : await step([python, '-Im', 'ensurepip', '--default-pip']);
    if (seeded.code !== 0) throw venvError(plan.python, output(seeded));
    const pip = plan.uv
      ? [plan.uv, 'pip', 'install', '--python', python]
      : [python, '-m', 'pip', 'install', '--progress-bar', 'off'];
    for (const [i, { argv }] of plan.arguments.entries()) {
      if (argv.length === 0) continue;
      const layer = plan.arguments.length > 1 ? `layer ${i + 1} of ${plan.arguments.length}: ` : '';
      context.onProgress(`Installing ${layer}${plan.layers[i]!.map(redactUrls).join(', ')}`);
      const result = await step([...pip, ...plan.installArgs, ...argv]);
      if (result.code !== 0) throw installError(plan.layers[i]!, output(result));
    }
    const version = await context.run([python, '-I', '-c', FAL_VERSION], {
      cwd: '/',
      env: plan.env,
      signal: context.signal,
    });
    const marker: Marker = {
      folder,
      python: plan.python.executable,
      pythonVersion: plan.python.version,
      falVersion: version.stdout.trim(),
      layers: plan.layers.map((layer) => layer.map(redactUrls)),
      builtAt: context.clock.now(),
    };
    context.signal.throwIfAborted();
    await rm(scratch, { recursive: true, force: true });
    writeMarker(home, marker);
    return marker;
  } catch (error) {
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
    throw toBuildError(error);
  }
}

/** Removes what is in an environment's folder, or of an interrupted build. */
export async function clear(home: string): Promise<void> {
  await mkdir(home, { recursive: true });
  for (const name of await readdir(home))
    await rm(path.join(home, name), { recursive: true, force: true, maxRetries: 5 });
}

function install(argv: string[], plan: BuildPlan, scratch: string, context: BuildContext): Promise<CommandResult> {
  return context.run(supervised(plan.python.executable, argv), {
    cwd: plan.contextDir,
    env: { ...plan.env, TMPDIR: scratch },
    signal: context.signal,
    onLine: (line) => context.onProgress(redactUrls(line.trimEnd())),
  });
}

// pip explains on both; uv on stderr.
const output = (result: CommandResult): string => (result.stderr.trim() === '' ? result.stdout : result.stderr);

function venvError(python: PythonInfo, detail: string): Error {
  const full = installError([], detail);
  if (full.code === 'E_DISK_FULL') return full;
  return new WindtunnelError(
    'E_PYTHON_NO_VENV',
    `Python ${python.version} at ${python.path} could not make a virtual environment.`,
    {
      hint: 'Install its venv module (on Debian and Ubuntu: apt install python3-venv), or install uv.',
      detail,
    },
  );
}
