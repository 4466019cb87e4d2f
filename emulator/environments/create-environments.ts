import { statSync } from 'node:fs';
import path from 'node:path';
import { type BuiltEnvironment, type ImageRecipe, WindtunnelError } from '../contract/index.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import { type BuildPlan, buildEnvironment } from './build-environment.ts';
import { lock } from './build-lock.ts';
import { type Marker, pythonOf, readMarker, touchMarker } from './built-folder.ts';
import type { ProbedPython } from './choose-python.ts';
import { type CachedEnvironment, EnvironmentCache } from './environment-cache.ts';
import { environmentKey } from './environment-key.ts';
import type { EnsuredEnvironment, EnvironmentRequest, Environments } from './environments.ts';
import { DEBUGPY_PIN, FAL_PIN, withAgentRequirements, withServeRequirements } from './fal-requirements.ts';
import { imageInstallerEnv } from './image/image-installer.ts';
import { imageRecipe } from './image/image-recipe.ts';
import { installerEnv } from './installer-settings.ts';
import { layerArguments } from './requirement-arguments.ts';
import { type RunCommand, runCommand } from './run-command.ts';
import { SharedWork } from './shared-work.ts';
import { Toolchain } from './toolchain.ts';
import { workspaceFal } from './workspace-fal.ts';

export interface EnvironmentsOptions {
  /** Per-user cache folder; environments are below `envs/`. Absolute. */
  cacheDir: string;
  env: NodeJS.ProcessEnv;
  clock: Clock;
  log: Log;
  /** Folder of the workspace: `.venv` is looked for up to here. */
  workspaceDir: string;
  /** The interpreter that a setting names; then no other is looked at. */
  pythonSetting?: string;
  /** The interpreter that the editor has chosen for the workspace. */
  editorPython?: string;
  /** Runs commands; replaced in tests only. */
  exec?: RunCommand;
}

export interface ManagedEnvironments extends Environments {
  /** What is in the cache, most recently used first. */
  list(): Promise<CachedEnvironment[]>;
  /** Removes one environment; false when a build holds it or it is not there. */
  remove(key: string): Promise<boolean>;
  /** Removes what interrupted builds left; resolves with the keys. */
  sweep(): Promise<string[]>;
  /** What the image of an app is built from; for a request with `image`. */
  recipe(
    request: EnvironmentRequest,
    options: RecipeOptions,
    onProgress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<ImageRecipe>;
  /** Every Python that would be considered, in order, for `doctor`. */
  inspectPythons(signal: AbortSignal): Promise<ProbedPython[]>;
}

export interface RecipeOptions {
  /** Image that an image of ours starts from; null: the official Python one. */
  base: string | null;
  /** PEM of all roots that a build trusts. */
  caBundle: string;
}

/** Cached virtual environments for apps. */
export function createEnvironments(options: EnvironmentsOptions): ManagedEnvironments {
  const { clock, log } = options;
  const env = installerEnv(options.env);
  const run = options.exec ?? runCommand;
  const toolchain = new Toolchain({ ...options, env, run });
  const cache = new EnvironmentCache(path.join(options.cacheDir, 'envs'));
  const builds = new SharedWork<Marker>();

  /** What the app asks for, and what serves it. */
  function servedLayers(request: EnvironmentRequest, onProgress: (line: string) => void): string[][] {
    const client = workspaceFal(request.appDir, options.workspaceDir);
    if (client?.unpublished) onProgress(`fal ${client.unpublished} of the workspace is no release; using ${FAL_PIN}`);
    return request.base === 'agent'
      ? withAgentRequirements(request.requirements)
      : withServeRequirements(request.requirements, client?.versions ?? null);
  }

  async function planFor(request: EnvironmentRequest, layers: string[][], signal: AbortSignal) {
    mustBeFolder(request.contextDir);
    const python = await toolchain.python(request.appDir, request.pythonVersion, signal);
    const installer = await toolchain.installer(python, request.appDir, signal);
    const resolve = request.resolve ?? ((requirement: string) => requirement);
    const args = layers.map((layer) => layerArguments(layer.map(resolve), request.contextDir, env));
    const key = environmentKey({
      python,
      layers,
      arguments: args,
      contextDir: request.contextDir,
      pip: installer.pip,
      env,
    });
    const plan: BuildPlan = {
      python,
      layers,
      arguments: args,
      contextDir: request.contextDir,
      uv: installer.uv,
      installArgs: installer.args,
      env: installer.env,
    };
    return { key, plan, note: installer.note };
  }

  async function ensure(
    request: EnvironmentRequest,
    onProgress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<EnsuredEnvironment> {
    const started = clock.monotonic();
    const { key, home, marker, cached } = await make(request, servedLayers(request, onProgress), onProgress, signal);
    return { environment: venv(key, home, marker), cached, seconds: (clock.monotonic() - started) / 1000 };
  }

  /** Beside the app's own environment, which stays what fal would make. */
  async function debuggerFolder(
    request: EnvironmentRequest,
    onProgress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<string> {
    const { home, marker } = await make(request, [[`debugpy==${DEBUGPY_PIN}`]], onProgress, signal);
    const minor = marker.pythonVersion.split('.').slice(0, 2).join('.');
    return path.join(home, marker.folder, 'lib', `python${minor}`, 'site-packages');
  }

  async function make(
    request: EnvironmentRequest,
    layers: string[][],
    onProgress: (line: string) => void,
    signal: AbortSignal,
  ) {
    signal.throwIfAborted();
    const { key, plan, note } = await planFor(request, layers, signal);
    const home = cache.home(key);
    const answer = (marker: Marker, cached: boolean) => {
      touchMarker(home, clock.now());
      return { key, home, marker, cached };
    };
    const ready = readMarker(home);
    if (ready) return answer(ready, true);
    if (note !== null) onProgress(note);
    let built = true;
    const marker = await builds.join(key, onProgress, signal, async (report, cancelled) => {
      const held = await lock(cache.lockFile(key), clock, cancelled, () =>
        report('Waiting for another Windtunnel that builds the same environment'),
      );
      try {
        const other = readMarker(home);
        built = other === null;
        log.debug('building environment', { key });
        return other ?? (await buildEnvironment(home, plan, { run, clock, onProgress: report, signal: cancelled }));
      } finally {
        await held.dispose();
      }
    });
    return answer(marker, !built);
  }

  async function recipe(
    request: EnvironmentRequest,
    { base, caBundle }: RecipeOptions,
    onProgress: (line: string) => void,
    signal: AbortSignal,
  ): Promise<ImageRecipe> {
    mustBeFolder(request.contextDir);
    const { minor, pip } = await toolchain.forImage(request.appDir, request.pythonVersion, signal);
    const settings = imageInstallerEnv(pip, env);
    if (settings.leftOut.length > 0) {
      onProgress(`Left out in the build, for they are on this machine: ${settings.leftOut.join(', ')}`);
    }
    const { unused, ...made } = imageRecipe({
      request,
      layers: servedLayers(request, onProgress),
      python: minor,
      base,
      folders: [request.appDir, options.workspaceDir],
      env,
      installerEnv: settings.env,
      caBundle,
    });
    for (const name of unused) onProgress(`ContainerImage(${name}=…) has no effect for a fal.App here`);
    return made;
  }

  return {
    ensure,
    debuggerFolder,
    recipe,
    list: () => cache.list(),
    remove: (key) => cache.remove(key),
    sweep: () => cache.sweep(),
    inspectPythons: (signal) => toolchain.inspect(signal),
  };
}

function mustBeFolder(contextDir: string): void {
  if (statSync(contextDir, { throwIfNoEntry: false })?.isDirectory()) return;
  throw new WindtunnelError('E_FILE_UNREADABLE', `The folder for local requirements does not exist: ${contextDir}`, {
    hint: 'Correct requirements_context_dir in the app.',
  });
}

function venv(key: string, home: string, marker: Marker): BuiltEnvironment {
  return {
    kind: 'venv',
    key,
    python: pythonOf(home, marker),
    pythonVersion: marker.pythonVersion,
    falVersion: marker.falVersion,
  };
}
