// Long: the one place where what the core decides of an app is carried out.
import type { Duplex } from 'node:stream';
import type { AppId, AppSettings, LogLine, RunnerExit, SerializedError } from '../contract/index.ts';
import { WindtunnelError } from '../contract/index.ts';
import type { AppEffect, AppEvent, Revision, RolloutStrategy } from '../core/app-protocol.ts';
import { type AppState, createAppState, nextDeadline, waitingCount } from '../core/app-state.ts';
import { step } from '../core/app-step.ts';
import { AppTime } from '../core/app-time.ts';
import type { Timer } from '../core/clock.ts';
import { type EffectiveHealthCheck, effectiveSettings } from '../core/effective-settings.ts';
import { chooseMachine } from '../core/machine-types.ts';
import { hasRoom } from '../core/memory-room.ts';
import { relayDebugger } from './debug-relay.ts';
import type { AppDefinition } from './fleet.ts';
import { isExclusive, ownPort } from './notices.ts';
import type { FleetContext } from './options.ts';
import type { RequestWork } from './request-work.ts';
import { RunnerHost } from './runner-host.ts';

/** What an app's runners mean to those of other apps. */
export interface Neighbors {
  /** Nothing of it is left. */
  runnerGone(runner: RunnerHost): void;
  /** The app needs GPUs that these runners have. */
  gpusWanted(app: AppId, holders: readonly string[]): void;
}

interface Settling {
  resolve(): void;
  reject(error: unknown): void;
}

/** One app at work: its core state, the runners that exist, and one timer for the next deadline. */
export class AppHost {
  readonly id: AppId;
  readonly state: AppState;
  readonly runners = new Map<string, RunnerHost>();
  private readonly context: FleetContext;
  private readonly work: RequestWork;
  private readonly neighbors: Neighbors;
  private readonly definitions = new Map<string, AppDefinition>();
  private readonly registering = new Map<string, Settling>();
  private readonly starting = new Set<Settling>();
  private readonly events: AppEvent[] = [];
  private readonly time: AppTime;
  private stepping = false;
  private timer: { at: number; timer: Timer } | null = null;
  /** Largest memory of a runner of this app so far, bytes. */
  private peakMemory: number | null = null;

  constructor(id: AppId, context: FleetContext, work: RequestWork, neighbors: Neighbors) {
    this.id = id;
    this.context = context;
    this.work = work;
    this.neighbors = neighbors;
    this.time = new AppTime(context.clock);
    this.state = createAppState(id, context.newId, context.constants);
  }

  /** The registered revision, undefined for an app that only has requests from before. */
  get definition(): AppDefinition | undefined {
    return this.state.current === null ? undefined : this.definitions.get(this.state.current.id);
  }

  get waiting(): number {
    return waitingCount(this.state);
  }

  apply(event: AppEvent): void {
    this.events.push(event);
    if (this.stepping) return;
    this.stepping = true;
    try {
      for (let next = this.events.shift(); next; next = this.events.shift()) {
        for (const effect of step(this.state, next, this.time.now())) this.carryOut(effect);
      }
    } finally {
      this.stepping = false;
    }
    this.arm();
  }

  register(
    definition: AppDefinition,
    strategy: RolloutStrategy = definition.debug ? 'recreate' : 'reload',
  ): Promise<void> {
    // Its runner waits for a person, who is in no hurry, and comes once this has settled: it cannot prove itself first.
    if (definition.debug) this.freeze();
    else this.thaw();
    this.definitions.set(definition.revision, definition);
    this.context.faults.set(this.id, definition.scenario ?? null);
    const revision: Revision = {
      id: definition.revision,
      settings: effectiveSettings(definition.settings, definition.kind),
      exclusive: isExclusive(definition),
      port: ownPort(definition),
      image: definition.engine === 'docker',
    };
    const settled = new Promise<void>((resolve, reject) => {
      this.registering.set(definition.revision, { resolve, reject });
    });
    this.apply({ type: 'configure', revision, strategy });
    return settled;
  }

  rescale(settings: AppSettings): void {
    const definition = this.definition;
    if (!definition) throw new WindtunnelError('E_UNKNOWN_APP', `No app ${this.id} runs here`);
    this.context.gpus.checkKnown({ ...definition, settings });
    this.definitions.set(definition.revision, { ...definition, settings });
    this.apply({ type: 'rescaled', settings: effectiveSettings(settings, definition.kind) });
  }

  /** Rejects with the start error of the first new runner; those that serve go on then. */
  async rollout(force: boolean): Promise<void> {
    const definition = this.definition;
    if (!definition || this.state.counts.serving === 0) return;
    if (!force) return this.register(definition, 'prove');
    const killed = [...this.state.runners.keys()];
    for (const runner of killed) this.apply({ type: 'stopRunner', runner, graceSeconds: 0 });
    await this.start();
  }

  async start(): Promise<void> {
    if (this.state.counts.serving > 0) return;
    if (this.state.current?.settings.maxConcurrency === 0) {
      throw new WindtunnelError('E_USAGE', `${this.id} has max_concurrency = 0: it may have no runner`);
    }
    const settled = new Promise<void>((resolve, reject) => this.starting.add({ resolve, reject }));
    this.apply({ type: 'start' });
    return settled;
  }

  /** A debug client's end of the adapter of its one runner. */
  async debug(): Promise<Duplex> {
    const runner = [...this.runners.values()].at(-1);
    if (!this.definition?.debug || !runner) {
      throw new WindtunnelError('E_NO_DEBUGGER', `${this.id} does not run under a debugger.`, {
        hint: 'Start it with F5 in the editor.',
      });
    }
    return relayDebugger(await runner.debug(), {
      onRunning: () => this.thaw(),
      onStopped: () => this.freeze(),
    });
  }

  async remove(): Promise<void> {
    this.apply({ type: 'remove' });
    this.settleStarts(new WindtunnelError('E_CANCELLED', `${this.id} was removed`));
    await this.allGone();
  }

  async shutdown(): Promise<void> {
    this.apply({ type: 'shutdown' });
    const stopped = new WindtunnelError('E_CANCELLED', 'The emulator is stopping');
    this.settleStarts(stopped);
    for (const settling of this.registering.values()) settling.reject(stopped);
    this.registering.clear();
    await this.allGone();
    this.timer?.timer.cancel();
  }

  /** No deadline passes until `thaw`. */
  private freeze(): void {
    this.time.freeze();
    this.timer?.timer.cancel();
    this.timer = null;
  }

  private thaw(): void {
    if (!this.time.frozen) return;
    this.time.thaw();
    this.arm();
  }

  private async allGone(): Promise<void> {
    await Promise.all([...this.runners.values()].map((runner) => runner.gone));
  }

  private carryOut(effect: AppEffect): void {
    switch (effect.type) {
      case 'startRunner':
        this.startRunner(effect.runner, effect.revision, effect.optional);
        return;
      case 'stopRunner':
        this.runners.get(effect.runner)?.stop(effect.graceSeconds);
        return;
      case 'probeRunner':
        this.probe(effect.runner);
        return;
      case 'checkHealth':
        this.checkHealth(effect.runner, effect.check);
        return;
      case 'runnerState': {
        const { runner, state, phase, reason } = effect;
        this.context.bus.emit({ type: 'runner.state', app: this.id, runner, state, phase, reason });
        return;
      }
      case 'dispatch':
        this.work.dispatch(this, effect.id, this.runners.get(effect.runner)!, effect.attempt);
        return;
      case 'cancelOnRunner':
        this.work.cancelOnRunner(effect.id, this.runners.get(effect.runner)!);
        return;
      case 'abort':
        this.work.abort(effect.id, effect.attempt, effect.error);
        return;
      case 'requeue':
        this.work.requeue(effect.id, effect.reason, effect.spent);
        return;
      case 'accept':
        this.work.accept(effect.id);
        return;
      case 'end':
        this.work.end(effect.id, effect.error, effect.detail);
        return;
      case 'refuse':
        this.work.refuse(effect.id, effect.error);
        return;
      default:
        this.settle(effect);
    }
  }

  private settle(effect: Extract<AppEffect, { revision: string }>): void {
    switch (effect.type) {
      case 'startFailed':
        this.context.bus.emit({ type: 'app.failed', app: this.id, revision: effect.revision, error: effect.error });
        this.settleStarts(revive(effect.error));
        return;
      case 'started':
        this.settleStarts(null);
        return;
      case 'promoted':
        this.registered(effect.revision, null);
        this.pruneDefinitions();
        return;
      case 'superseded': {
        const message = `Revision ${effect.revision} of ${this.id} was replaced before it served`;
        this.registered(effect.revision, new WindtunnelError('E_CANCELLED', message));
        return;
      }
      case 'rejected':
        // A failed start of the current revision was told with `startFailed` already.
        if (this.state.current?.id !== effect.revision) {
          this.context.bus.emit({ type: 'app.failed', app: this.id, revision: effect.revision, error: effect.error });
        }
        this.registered(effect.revision, revive(effect.error));
    }
  }

  private registered(revision: string, error: WindtunnelError | null): void {
    const settling = this.registering.get(revision);
    this.registering.delete(revision);
    if (error) settling?.reject(error);
    else settling?.resolve();
  }

  private settleStarts(error: WindtunnelError | null): void {
    for (const settling of this.starting) {
      if (error) settling.reject(error);
      else settling.resolve();
    }
    this.starting.clear();
  }

  private pruneDefinitions(): void {
    const needed = new Set([this.state.current?.id, this.state.next?.revision.id]);
    for (const revision of this.definitions.keys()) if (!needed.has(revision)) this.definitions.delete(revision);
  }

  private startRunner(id: string, revision: string, optional: boolean): void {
    const definition = this.definitions.get(revision)!;
    if (optional && !this.roomFor(definition)) {
      this.apply({ type: 'runnerDenied', runner: id, lack: 'memory', detail: 'no memory free' });
      return;
    }
    const place = this.context.gpus.take(id, definition);
    if (place?.kind === 'busy') {
      const { length } = place.holders;
      const detail =
        length > 0
          ? `no GPU is free for it: ${length} runners have those that would do`
          : 'this machine no longer has the GPUs that it asks for';
      this.apply({ type: 'runnerDenied', runner: id, lack: 'gpu', detail });
      this.neighbors.gpusWanted(this.id, place.holders);
      return;
    }
    const runner: RunnerHost = new RunnerHost(id, definition, place, this.context, {
      launched: () => this.apply({ type: 'runnerLaunched', runner: id }),
      phase: (phase, detail) => this.apply({ type: 'runnerPhase', runner: id, phase, detail }),
      ready: () => this.apply({ type: 'runnerReady', runner: id }),
      failed: (error) => this.apply({ type: 'runnerFailed', runner: id, error }),
      exited: (exit) => this.runnerExited(runner, exit),
      log: (line, request) => this.onLog(runner, line, request),
      requestEnded: (request) => this.work.requestEnded(request),
    });
    this.runners.set(id, runner);
  }

  private runnerExited(runner: RunnerHost, exit: RunnerExit): void {
    this.runners.delete(runner.id);
    this.work.runnerGone(runner.id);
    this.peakMemory = Math.max(this.peakMemory ?? 0, runner.peakMemoryBytes ?? 0) || null;
    this.context.bus.emit({ type: 'runner.exit', app: this.id, runner: runner.id, exit });
    this.neighbors.runnerGone(runner);
    this.apply({ type: 'runnerExited', runner: runner.id, error: exit.error });
  }

  private probe(id: string): void {
    const told = (alive: boolean) => this.apply({ type: 'runnerProbed', runner: id, alive });
    const probing = this.runners.get(id)?.probe() ?? Promise.resolve(false);
    probing.then(told, () => told(false));
  }

  private checkHealth(id: string, check: EffectiveHealthCheck): void {
    const runner = this.runners.get(id);
    if (!runner) return;
    const told = (detail: string) => this.apply({ type: 'runnerHealth', runner: id, healthy: detail === '', detail });
    // A runner that a person has stopped answers nobody, and is not ill.
    void runner.checkHealth(check).then((detail) => told(this.time.frozen ? '' : detail));
  }

  private roomFor(definition: AppDefinition): boolean {
    const { host } = this.context;
    const peaks = [...this.runners.values()].map((runner) => runner.peakMemoryBytes ?? 0);
    return hasRoom({
      freeBytes: host.freeBytes(),
      totalBytes: host.memoryBytes,
      limitBytes: chooseMachine(definition.settings.machineTypes, host).limits.memoryBytes,
      seenBytes: Math.max(this.peakMemory ?? 0, ...peaks) || null,
    });
  }

  private onLog(runner: RunnerHost, line: LogLine, request: string | null): void {
    if (request === null || !this.work.log(request, line)) runner.logs.push(line);
    this.context.bus.emit({ type: 'log', app: this.id, runner: runner.id, request, line });
  }

  /** One timer an app, left alone while it is early enough: most deadlines are taken back before they are due. */
  private arm(): void {
    const at = nextDeadline(this.state);
    if (at === null || this.time.frozen || (this.timer !== null && this.timer.at <= at)) return;
    this.timer?.timer.cancel();
    const { clock } = this.context;
    const timer = clock.setTimeout(() => {
      this.timer = null;
      this.apply({ type: 'tick' });
    }, at - this.time.now());
    this.timer = { at, timer };
  }
}

/** An error that travelled as data, as an error again. */
export function revive(error: SerializedError): WindtunnelError {
  return new WindtunnelError(error.code, error.message, {
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.actions === undefined ? {} : { actions: error.actions }),
    ...(error.detail === undefined ? {} : { detail: error.detail }),
  });
}
