import { createHash, randomBytes } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import {
  type AppId,
  type AppSettings,
  type FoundApp,
  type RunAnswer,
  type RunRequest,
  toWindtunnelError,
  WindtunnelError,
} from '../../contract/index.ts';
import type { Disposable } from '../../core/disposable.ts';
import type { EventBus } from '../../core/event-bus.ts';
import type { Log } from '../../core/log.ts';
import type { EnvironmentRequest, Environments } from '../../environments/environments.ts';
import { planSourceBundle } from '../../environments/source-bundle.ts';
import { toFalAppName } from '../../find/class-model.ts';
import { selectApp } from '../../find/select-app.ts';
import type { AppDefinition, Apps } from '../../fleet/fleet.ts';
import { appEnv } from '../secrets/app-env.ts';
import type { SecretStore } from '../secrets/secret-store.ts';
import { contentDigest } from '../watch/content-digest.ts';
import type { IgnoreRule } from '../watch/ignore-rules.ts';
import type { WatchTarget } from '../watch/watch-target.ts';
import { chooseEngine, type Machine } from './choose-engine.ts';
import { watchTargets } from './watch-targets.ts';

export interface LauncherOptions {
  workspace: string;
  owner: string;
  machine: Machine;
  /** For a request that names no engine. */
  defaultEngine: 'auto' | 'process' | 'docker';
  /** Absolute paths, weakest first; asked at each change. Throws E_CONFIG_INVALID. */
  envFiles: () => readonly string[];
  ignored: IgnoreRule;
  secrets: SecretStore;
  apps: Apps;
  environments: Environments;
  events: EventBus;
  log: Log;
  /** Reads the apps of a Python file without running it. Rejects with E_FILE_UNREADABLE. */
  findApps(file: string): Promise<FoundApp[]>;
  /** The true settings of an app, by importing it under that Python. Rejects with the app's own error. */
  describeApp(python: string, found: FoundApp, roots: readonly string[], signal: AbortSignal): Promise<AppSettings>;
  /** Null when the file compiles under that Python, else what Python says. */
  checkSyntax(python: string, file: string): Promise<string | null>;
  /** Told the values that must not be printed, before they reach an app. */
  onSecrets(values: Iterable<string>): void;
  /** Starts a watch; `changed` is called with what to do on a change. Absent: nothing is watched. */
  watch?(targets: () => WatchTarget[], changed: (reason: string) => Promise<void>): Disposable;
}

interface Launched {
  request: RunRequest;
  definition: AppDefinition;
  targets: WatchTarget[];
  watch: Disposable | null;
  /** `reason` is of the first change that waits for the end of the pause. */
  paused: { reason: string | null } | null;
  /** One change at a time: a save during a reload waits for its end. */
  turn: Promise<unknown>;
}

type Notices = RunAnswer['notices'];

/** From `FILE[::Symbol]` to an app that the fleet serves, and anew whenever its sources change. */
export class AppLauncher implements Disposable {
  private readonly options: LauncherOptions;
  private readonly launched = new Map<AppId, Launched>();
  private readonly stopping = new AbortController();

  constructor(options: LauncherOptions) {
    this.options = options;
  }

  /** Registers an app; its runner starts with `start` or the first request. Rejects with the errors of bad input. */
  async register(request: RunRequest): Promise<RunAnswer> {
    const { definition, targets, notices } = await this.define(request);
    const { id } = definition;
    const other = this.options.apps.get(id);
    if (other && (other.file !== definition.file || other.symbol !== definition.symbol)) {
      throw new WindtunnelError('E_APP_NAME_TAKEN', `${id} runs already, from ${other.file}::${other.symbol}`, {
        hint: 'Give this one another name with `--as OWNER/NAME`.',
        actions: [`--as ${id}-2`],
      });
    }
    await this.options.apps.register(definition, 'registered');
    this.launched.get(id)?.watch?.dispose();
    const launched: Launched = { request, definition, targets, watch: null, paused: null, turn: Promise.resolve() };
    this.launched.set(id, launched);
    if (request.watch && this.options.watch) {
      launched.watch = this.options.watch(
        () => launched.targets,
        (reason) => this.changed(id, reason),
      );
    }
    const app = this.options.apps.get(id);
    if (!app) throw new WindtunnelError('E_INTERNAL', `The fleet does not know ${id} after its registration.`);
    return { app, notices };
  }

  /** Reads the sources anew and replaces the runners, whether something changed or not. Rejects with the start error. */
  async restart(id: AppId): Promise<void> {
    const launched = this.mustGet(id);
    await this.inTurn(launched, () => this.replace(launched, 'asked for', true));
    await this.options.apps.start(id);
  }

  /** While it is paused a saved file changes nothing; the end of the pause takes over what was saved. Throws E_UNKNOWN_APP. */
  pauseReload(id: AppId, paused: boolean): void {
    const waiting = this.mustGet(id).paused?.reason;
    this.mustGet(id).paused = paused ? { reason: waiting ?? null } : null;
    if (!paused && waiting) void this.reload(id, waiting);
  }

  async remove(id: AppId): Promise<void> {
    this.mustGet(id).watch?.dispose();
    this.launched.delete(id);
    await this.options.apps.remove(id);
  }

  /** After a change of the secret store: apps whose environment it alters get new runners. */
  async refresh(reason: string): Promise<void> {
    await Promise.all([...this.launched.keys()].map((id) => this.reload(id, reason)));
  }

  async dispose(): Promise<void> {
    this.stopping.abort(new WindtunnelError('E_CANCELLED', 'The emulator stops.'));
    for (const launched of this.launched.values()) launched.watch?.dispose();
    await Promise.all([...this.launched.values()].map((launched) => launched.turn));
    this.launched.clear();
  }

  private mustGet(id: AppId): Launched {
    const launched = this.launched.get(id);
    if (launched) return launched;
    const known = [...this.launched.keys()].join(', ');
    throw new WindtunnelError('E_UNKNOWN_APP', `No app ${id} runs here${known ? `; there is ${known}` : ''}.`);
  }

  private async changed(id: AppId, reason: string): Promise<void> {
    const paused = this.launched.get(id)?.paused;
    if (!paused) return this.reload(id, reason);
    paused.reason ??= reason;
    const message = `${id}: ${reason}; reload is paused, so the old code serves on.`;
    this.options.events.emit({ type: 'emulator.notice', level: 'info', code: 'reload-paused', message });
  }

  /** A failed reload is an event, not an exception: the old revision serves on and the next save tries again. */
  private async reload(id: AppId, reason: string): Promise<void> {
    const launched = this.launched.get(id);
    if (!launched) return;
    await this.inTurn(launched, async () => {
      try {
        await this.replace(launched, reason, false);
      } catch (thrown) {
        if (this.stopping.signal.aborted || !this.isCurrent(id, launched)) return;
        const error = toWindtunnelError(thrown);
        this.options.log.debug('reload failed', { app: id, code: error.code });
        const { revision } = launched.definition;
        this.options.events.emit({ type: 'app.failed', app: id, revision, error: error.toJSON() });
      }
    });
  }

  /** False once the app was removed, or registered anew, while something of it was still under way. */
  private isCurrent(id: AppId, launched: Launched): boolean {
    return this.launched.get(id) === launched;
  }

  private inTurn<T>(launched: Launched, action: () => Promise<T>): Promise<T> {
    const result = launched.turn.then(action);
    // The chain goes on after a failure, which `result` carries to its caller.
    launched.turn = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  private async replace(launched: Launched, reason: string, force: boolean): Promise<void> {
    const { apps, environments, events } = this.options;
    const next = await this.define(launched.request);
    const { id } = next.definition;
    launched.targets = next.targets;
    const failed = apps.get(id)?.lastError !== null;
    if (next.definition.revision === launched.definition.revision && !force && !failed) return;
    if (force) next.definition.revision = randomBytes(4).toString('hex');
    // The environment comes first: while it builds, and if it cannot be built, the old revision serves.
    const { environment } = await environments.ensure(
      next.definition.environment,
      (message) => events.emit({ type: 'environment.progress', app: id, message }),
      this.stopping.signal,
    );
    if (environment.kind === 'venv') await this.mustCompile(environment.python, next.definition.file);
    if (!this.isCurrent(launched.definition.id, launched)) return;
    await apps.register(next.definition, reason);
    launched.definition = next.definition;
    if (failed && this.isCurrent(id, launched)) await apps.start(id);
  }

  private async mustCompile(python: string, file: string): Promise<void> {
    const problem = await this.options.checkSyntax(python, file);
    if (problem === null) return;
    throw new WindtunnelError('E_SYNTAX', `${file} does not compile; the version before it serves on.`, {
      detail: problem,
    });
  }

  private async define(
    request: RunRequest,
  ): Promise<{ definition: AppDefinition; targets: WatchTarget[]; notices: Notices }> {
    const { workspace, owner, machine, secrets } = this.options;
    const found = selectApp(await this.options.findApps(request.file), request.file, request.symbol ?? undefined);
    const { engine, notices } = await chooseEngine(request.engine ?? this.options.defaultEngine, found, machine);
    const { bundle, warnings } = await planSourceBundle(request.file, found);
    const appDir = dirname(bundle.main);
    const contextDir = resolve(appDir, found.settings.requirementsContextDir ?? '.');
    const { pythonVersion, requirements } = found.settings;
    const read = await this.trueSettings(found, bundle.guarded, { pythonVersion, requirements, contextDir, appDir });
    const { settings } = read;
    const envFiles = this.options.envFiles();
    const allowed = settings.secrets;
    const stored = allowed === null ? secrets.values() : secrets.allValues();
    const { env, missing } = appEnv({ envFiles, secrets: stored, allowed });
    this.options.onSecrets(Object.values(env));
    const targets = watchTargets({ found, bundle, workspace, envFiles, secretsFile: secrets.file });
    const warn = (message: string): Notices[number] => ({ level: 'warn', message });
    return {
      targets,
      notices: [...notices, ...read.notices, ...warnings.map(warn), ...missing.map(missingNotice)],
      definition: {
        id: request.as ?? `${owner}/${nameOf(found, settings)}`,
        revision: fingerprint(settings, env, targets, this.options.ignored),
        file: bundle.main,
        symbol: found.symbol,
        kind: found.kind,
        settings,
        endpoints: found.endpoints,
        payload: { kind: 'source', bundle, file: bundle.main, symbol: found.symbol },
        environment: {
          pythonVersion: settings.pythonVersion,
          requirements: settings.requirements,
          contextDir,
          appDir,
          ...(engine === 'docker' ? { image: { container: settings.image } } : {}),
        },
        engine,
        ...(request.scenario === undefined ? {} : { scenario: request.scenario }),
        env,
        ...(request.debug ? { debug: true } : {}),
      },
    };
  }

  /** Settings that are no literals are asked of Python itself; an app that cannot be imported starts with fal's defaults. */
  private async trueSettings(
    found: FoundApp,
    roots: readonly string[],
    request: EnvironmentRequest,
  ): Promise<{ settings: AppSettings; notices: Notices }> {
    const unread = found.unresolved.filter((name) => !name.startsWith('endpoint '));
    if (unread.length === 0) return { settings: found.settings, notices: [] };
    const { environments, describeApp } = this.options;
    const { signal } = this.stopping;
    try {
      const { environment } = await environments.ensure(request, () => undefined, signal);
      if (environment.kind !== 'venv') return { settings: found.settings, notices: [] };
      return { settings: await describeApp(environment.python, found, roots, signal), notices: [] };
    } catch (thrown) {
      signal.throwIfAborted();
      const error = toWindtunnelError(thrown);
      const message = `These settings are no literals and could not be read, so fal's defaults count: ${unread.join(', ')} (${error.message})`;
      return { settings: found.settings, notices: [{ level: 'warn', message }] };
    }
  }
}

const missingNotice = (name: string): Notices[number] => ({
  level: 'warn',
  message: `The app's secrets=[…] names ${name}, which is neither set here nor in .env: windtunnel secret set ${name}`,
});

/** The alias of the app; a name that is no literal comes from its settings, or from its class as in the SDK. */
function nameOf(found: FoundApp, settings: AppSettings): string {
  return found.name || settings.appName || toFalAppName(found.symbol);
}

/** Changes with everything that makes the runner another one: settings, environment and the bytes of what is shipped. */
function fingerprint(
  settings: AppSettings,
  env: Record<string, string>,
  targets: readonly WatchTarget[],
  ignored: IgnoreRule,
): string {
  const hash = createHash('sha256').update(JSON.stringify([settings, Object.entries(env).sort()]));
  for (const { kind, path } of targets) if (kind === 'source') hash.update(contentDigest(path, ignored));
  return hash.digest('hex').slice(0, 8);
}
