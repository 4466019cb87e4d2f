import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { Pool } from 'undici';
import {
  type LogLine,
  type RunnerExit,
  type RunnerSpec,
  type SerializedError,
  type StartPhase,
  toWindtunnelError,
  WindtunnelError,
} from '../contract/index.ts';
import type { Timer } from '../core/clock.ts';
import { type EffectiveHealthCheck, effectiveSettings } from '../core/effective-settings.ts';
import { chooseMachine } from '../core/machine-types.ts';
import type { DebugChannel, RunnerHandle, RunnerLog } from '../engines/engine.ts';
import type { AppDefinition } from './fleet.ts';
import { LogRing, toLogLine } from './log-lines.ts';
import type { FleetContext } from './options.ts';
import { runnerEnvironment } from './runner-env.ts';
import { platformHeaders } from './runner-headers.ts';
import { checkHealth } from './runner-health.ts';
import { createRunnerPool } from './runner-pool.ts';
import { probeRunner } from './runner-probe.ts';
import { StartClock } from './start-clock.ts';

/** What a runner tells its app. Each call may come at any time, also after a stop was asked for. */
export interface RunnerListener {
  launched(): void;
  phase(phase: StartPhase, detail: string): void;
  ready(): void;
  failed(error: SerializedError): void;
  /** Nothing of it is left. Always the last call. */
  exited(exit: RunnerExit): void;
  log(line: LogLine, request: string | null): void;
  /** The app is done with a request: its last line was told before. */
  requestEnded(request: string): void;
}

/** The machine that a runner is on: its type and the GPUs that are its own. */
export interface RunnerPlace {
  machine: string;
  gpus: string[];
}

const MEMORY_EVERY_MS = 2000;

/** One runner from its environment to its end: the side effects of its life, and none of the decisions. */
export class RunnerHost {
  readonly id: string;
  readonly definition: AppDefinition;
  readonly startedAt: number;
  readonly secret = randomBytes(24).toString('base64url');
  readonly logs = new LogRing();
  readonly start: StartClock;
  /** Resolves when nothing of it is left. */
  readonly gone: Promise<void>;
  /** Tells the end of each request; known once it is ready. */
  reportsEnds = false;
  memoryBytes: number | null = null;
  /** In use on its GPUs. */
  gpuMemoryBytes: number | null = null;
  /** Null until the engine can tell which GPUs there are. */
  place: RunnerPlace | null;
  /** Largest resident memory that was seen. */
  peakMemoryBytes: number | null = null;

  private readonly context: FleetContext;
  private readonly listener: RunnerListener;
  private readonly giveUp = new AbortController();
  private readonly connections: Pool;
  private handle: RunnerHandle | null = null;
  private readonly launching: Promise<RunnerHandle>;
  private grace: number | null = null;
  private killedAs: 'crashed' | 'memory' | null = null;
  private memoryTimer: Timer | null = null;

  constructor(
    id: string,
    definition: AppDefinition,
    place: RunnerPlace | null,
    context: FleetContext,
    listener: RunnerListener,
  ) {
    this.id = id;
    this.definition = definition;
    this.place = place;
    this.context = context;
    this.listener = listener;
    this.startedAt = context.clock.now();
    this.start = new StartClock(this.startedAt);
    this.connections = createRunnerPool(() => this.connect());
    // A microtask later: the caller is in the middle of a step.
    this.launching = Promise.resolve().then(() => this.launch());
    this.gone = this.live();
  }

  /** A debug adapter of its own, once the runner exists. Rejects with E_NO_DEBUGGER or why there is no runner. */
  async debug(): Promise<DebugChannel> {
    const handle = await this.launching;
    if (handle.debug) return handle.debug();
    throw new WindtunnelError('E_NO_DEBUGGER', `${this.definition.id} was not started for a debugger.`);
  }

  get dispatcher(): Pool {
    return this.connections;
  }

  connect(): Promise<Duplex> {
    if (this.handle) return this.handle.connect();
    return Promise.reject(new WindtunnelError('E_RUNNER_EXITED', `runner ${this.id} is not up`));
  }

  shell(): Promise<Duplex> {
    if (this.handle) return this.handle.shell();
    return Promise.reject(new WindtunnelError('E_RUNNER_EXITED', `runner ${this.id} is not up`));
  }

  /** SIGTERM, grace, SIGKILL; before the engine has a handle: the start is given up. */
  stop(graceSeconds: number): void {
    this.grace = Math.min(graceSeconds, this.grace ?? graceSeconds);
    if (!this.handle) this.giveUp.abort(new WindtunnelError('E_CANCELLED', 'the runner is no longer wanted'));
    else this.handle.stop(this.grace).catch((error: unknown) => this.complain('stop', error));
  }

  /** Ends it at once, as a crash or as the out-of-memory killer would. */
  kill(as: 'crashed' | 'memory'): void {
    this.killedAs = as;
    this.handle?.kill();
  }

  /** Whether it still takes requests. */
  probe(): Promise<boolean> {
    const { secret, reportsEnds: harnessed } = this;
    return probeRunner({ secret, harnessed, connect: () => this.connect() }, this.context.clock);
  }

  /** Calls the app's own health check; '' for a healthy runner, else what is wrong. */
  checkHealth(check: EffectiveHealthCheck): Promise<string> {
    const call = { app: this.definition.id, path: check.path, requestId: this.context.newId(), secret: this.secret };
    return checkHealth(check, platformHeaders(call), this.connections, this.context.clock);
  }

  private async live(): Promise<void> {
    let exit: RunnerExit;
    try {
      const handle = await this.launching;
      this.handle = handle;
      if (this.grace !== null) this.stop(this.grace);
      handle.ready.then(
        ({ reportsEnds }) => {
          this.reportsEnds = reportsEnds;
          this.start.enter('ready', this.context.clock.now());
          this.listener.ready();
        },
        (error: unknown) => this.listener.failed(toWindtunnelError(error).toJSON()),
      );
      this.watchMemory();
      exit = this.explain(await handle.exited);
    } catch (thrown) {
      const error = toWindtunnelError(thrown).toJSON();
      if (!this.giveUp.signal.aborted) this.listener.failed(error);
      exit = { code: null, signal: null, cause: this.giveUp.signal.aborted ? 'stopped' : 'startup', error };
    }
    this.memoryTimer?.cancel();
    this.listener.exited(exit);
    await this.connections.destroy().catch((error: unknown) => this.complain('disconnect from', error));
  }

  private async launch(): Promise<RunnerHandle> {
    const { definition, context } = this;
    const { signal } = this.giveUp;
    const engine = context.engines[definition.engine];
    if (!engine) {
      throw new WindtunnelError('E_ENGINE_UNAVAILABLE', `The ${definition.engine} engine is not available`, {
        hint: 'Run `windtunnel doctor` to see why, or choose another engine with --engine.',
      });
    }
    this.enter('installing', '');
    const ensured = await context.environments.ensure(
      definition.environment,
      (line) => context.bus.emit({ type: 'environment.progress', app: definition.id, message: context.redact(line) }),
      signal,
    );
    context.bus.emit({
      type: 'environment.ready',
      app: definition.id,
      key: ensured.environment.key,
      cached: ensured.cached,
      seconds: ensured.seconds,
    });
    const debugging = definition.debug ? await this.debuggerFolder(signal) : null;
    this.enter('booting', '');
    this.listener.launched();
    const heldBack = context.faults.startDelay(definition.id, this.id);
    if (heldBack > 0) await context.clock.sleep(heldBack * 1000, signal);
    signal.throwIfAborted();
    this.place ??= await context.gpus.takeLate(this.id, definition, signal);
    const { machine, gpus } = this.place;
    const chosen = chooseMachine([machine], context.host);
    const spec: RunnerSpec = {
      id: this.id,
      app: definition.id,
      revision: definition.revision,
      payload: definition.payload,
      environment: ensured.environment,
      env: {
        ...runnerEnvironment(definition, this.id, context.runnerEnv(definition, this.id)),
        // The harness takes it away, and says at the user's line when code needs the GPU that the runner did not get.
        ...(chosen.type.vramBytes === null || gpus.length > 0 ? {} : { WINDTUNNEL_GPU: chosen.name }),
      },
      limits: chosen.limits,
      gpus,
      graceSeconds: effectiveSettings(definition.settings, definition.kind).terminationGracePeriod,
      exposedPort: definition.settings.exposedPort,
      dataDir: context.dataDir,
      secret: this.secret,
      ...(debugging === null ? {} : { debugger: debugging }),
    };
    return engine.start(
      spec,
      {
        onPhase: (phase, detail) => this.enter(phase, detail),
        onLog: (log) => this.onLog(log),
        onRequestEnd: (request) => this.listener.requestEnded(request),
        onTunnel: (stream, target) => context.tunnel(stream, target, { runner: this.id, app: definition.id }),
      },
      signal,
    );
  }

  private explain(exit: RunnerExit): RunnerExit {
    if (this.killedAs !== 'memory') return this.killedAs === null ? exit : { ...exit, cause: 'crashed' };
    const { id } = this.definition;
    const error = new WindtunnelError(
      'E_RUNNER_MEMORY',
      `The runner of ${id} was stopped for its memory, by a scenario`,
    );
    return { ...exit, cause: 'memory', error: error.toJSON() };
  }

  private debuggerFolder(signal: AbortSignal): Promise<string> {
    const { definition, context } = this;
    const report = (line: string) =>
      context.bus.emit({ type: 'environment.progress', app: definition.id, message: context.redact(line) });
    const folder = context.environments.debuggerFolder?.(definition.environment, report, signal);
    return folder ?? Promise.reject(new WindtunnelError('E_NO_DEBUGGER', 'There is no debugger in this environment.'));
  }

  private enter(phase: StartPhase, detail: string): void {
    this.start.enter(phase, this.context.clock.now());
    this.listener.phase(phase, detail);
  }

  private onLog(log: RunnerLog): void {
    this.listener.log(toLogLine(log, this.context.redact), log.request);
  }

  private watchMemory(): void {
    this.memoryTimer = this.context.clock.setInterval(() => {
      this.handle?.memory().then(
        (bytes) => {
          this.memoryBytes = bytes;
          if (bytes !== null) this.peakMemoryBytes = Math.max(bytes, this.peakMemoryBytes ?? 0);
        },
        (error: unknown) => this.complain('measure', error),
      );
      const gpus = this.place?.gpus ?? [];
      if (gpus.length === 0) return;
      this.context.gpuMemory(gpus).then(
        (bytes) => {
          this.gpuMemoryBytes = bytes;
        },
        (error: unknown) => this.complain('measure', error),
      );
    }, MEMORY_EVERY_MS);
  }

  private complain(what: string, error: unknown): void {
    this.context.log.warn(`could not ${what} a runner`, { runner: this.id, error });
  }
}
