import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { basePython, testPython } from '../../../test/support/python.ts';
import { systemClock } from '../../core/clock.ts';
import { silentLog } from '../../core/log.ts';
import { createEnvironments, type EnvironmentsOptions, type ManagedEnvironments } from '../create-environments.ts';
import type { EnvironmentRequest } from '../environments.ts';

/** A workspace, cache, PATH and package index of a test's own; nothing in it reaches a network. */
export interface Sandbox {
  root: string;
  workspace: string;
  cache: string;
  /** Folder of wheels that the installers are configured with. */
  wheels: string;
  /** The one folder of PATH besides the system's tools; holds `python3`. */
  bin: string;
  env: NodeJS.ProcessEnv;
  create(options?: Partial<EnvironmentsOptions>): ManagedEnvironments;
  request(requirements: string[][], more?: Partial<EnvironmentRequest>): EnvironmentRequest;
  /** Puts a shell script on PATH. */
  script(name: string, body: string): string;
  /** Puts the real uv on PATH. */
  withUv(): Promise<void>;
  /** What is in the cache besides lock files, relative. */
  leftovers(): string[];
  dispose(): void;
}

export async function sandbox(): Promise<Sandbox> {
  const root = mkdtempSync(path.join(tmpdir(), 'windtunnel-env-'));
  const folder = (name: string) => {
    mkdirSync(path.join(root, name));
    return path.join(root, name);
  };
  const [workspace, cache, bin, home] = [folder('workspace'), folder('cache'), folder('bin'), folder('home')];
  const wheels = path.join(root, 'wheels');
  const python = await basePython();
  execFileSync(python, [path.join(import.meta.dirname, 'make_wheels.py'), wheels]);
  symlinkSync(python, path.join(bin, 'python3'));
  // The system's tools without the system's Pythons, which must not be found by accident.
  const tools = folder('tools');
  for (const name of ['sh', 'sleep', 'mkdir', 'touch', 'env', 'dirname', 'cat', 'echo']) {
    const real = ['/bin', '/usr/bin'].map((dir) => path.join(dir, name)).find(existsSync);
    if (real) symlinkSync(real, path.join(tools, name));
  }
  const env: NodeJS.ProcessEnv = {
    PATH: `${bin}:${tools}`,
    HOME: home,
    PIP_CONFIG_FILE: '/dev/null',
    PIP_NO_INDEX: '1',
    PIP_FIND_LINKS: wheels,
    UV_NO_CONFIG: '1',
    UV_CACHE_DIR: path.join(root, 'uv-cache'),
  };
  const envs = path.join(cache, 'envs');
  return {
    root,
    workspace,
    cache,
    wheels,
    bin,
    env,
    create: (options = {}) =>
      createEnvironments({
        cacheDir: cache,
        env,
        clock: systemClock,
        log: silentLog,
        workspaceDir: workspace,
        ...options,
      }),
    request: (requirements, more = {}) => ({
      pythonVersion: null,
      requirements,
      contextDir: workspace,
      appDir: workspace,
      ...more,
    }),
    script: (name, body) => {
      const file = path.join(bin, name);
      rmSync(file, { force: true });
      writeFileSync(file, `#!/bin/sh\n${body}\n`);
      chmodSync(file, 0o755);
      return file;
    },
    withUv: async () => symlinkSync(path.join(path.dirname(await testPython()), 'uv'), path.join(bin, 'uv')),
    leftovers: () => (existsSync(envs) ? readdirSync(envs).filter((name) => name !== 'locks') : []),
    dispose: () => rmSync(root, { recursive: true, force: true }),
  };
}

/** An installer that begins to write into the environment, tells its pid and then hangs with a child of its own. */
export const HANGING_UV = `
case "$1" in
venv)
  for target; do :; done
  mkdir -p "$target/bin"
  touch "$target/bin/python" ;;
*)
  echo "hanging $$"
  sleep 600 &
  echo "child $!"
  wait ;;
esac`;

/** Runs Python code in a built environment and gives its output. */
export const pythonOutput = (python: string, code: string): string =>
  execFileSync(python, ['-I', '-c', code], { encoding: 'utf8' }).trim();
