import type { Duplex } from 'node:stream';
import type { AppId, AppSettings, GpuUse, LogLine } from '../contract/index.ts';
import { WindtunnelError } from '../contract/index.ts';
import type { RolloutStrategy } from '../core/app-protocol.ts';
import { failureDelay, type Runner, runnerState, waitingCount } from '../core/app-state.ts';
import type { AppHost } from './app-host.ts';
import type { AppDefinition, Apps, AppView, RunnerView } from './fleet.ts';
import type { LogRing } from './log-lines.ts';
import { registrationNotices } from './notices.ts';
import type { FleetContext } from './options.ts';

/** Runners that are no more whose last lines can still be read: what a crashed one said is what one looks for. */
const DEAD_RUNNERS_KEPT = 20;
/** The owner of apps when the user has no fal profile (design §3, "Owners"). */
const LOCAL_OWNER = 'local';

/** Apps and runners, as control API, watch and CLI see them. */
export class AppsService implements Apps {
  private readonly context: FleetContext;
  private readonly hosts: ReadonlyMap<AppId, AppHost>;
  private readonly hostFor: (app: AppId) => AppHost;
  private readonly told = new Set<string>();
  private closed = false;
  private readonly deadLogs = new Map<string, LogRing>();

  constructor(context: FleetContext, hosts: ReadonlyMap<AppId, AppHost>, hostFor: (app: AppId) => AppHost) {
    this.context = context;
    this.hosts = hosts;
    this.hostFor = hostFor;
  }

  async register(definition: AppDefinition, reason: string, strategy?: RolloutStrategy): Promise<void> {
    this.mustBeOpen();
    const { id: app, revision, file, symbol } = definition;
    const { bus, gpus } = this.context;
    await gpus.check(definition);
    this.mustBeOpen();
    const host = this.hostFor(app);
    if (host.definition) bus.emit({ type: 'app.reload', app, revision, reason });
    else bus.emit({ type: 'app.registered', app, revision, file, symbol });
    this.notify(definition);
    await host.register(definition, strategy);
  }

  rescale(app: AppId, settings: AppSettings): void {
    this.mustHave(app).rescale(settings);
  }

  async rollout(app: AppId, force: boolean): Promise<void> {
    this.mustBeOpen();
    await this.mustHave(app).rollout(force);
  }

  async start(app: AppId): Promise<void> {
    this.mustBeOpen();
    await this.mustHave(app).start();
  }

  async remove(app: AppId): Promise<void> {
    const host = this.hosts.get(app);
    if (!host?.definition) return;
    const gone = host.remove();
    this.context.bus.emit({ type: 'app.removed', app });
    await gone;
  }

  /** The end of the fleet: hosts that have shut down settle nothing any more. */
  close(): void {
    this.closed = true;
  }

  list(): AppView[] {
    return [...this.hosts.values()].flatMap((host) => this.viewOf(host) ?? []);
  }

  get(app: AppId): AppView | undefined {
    const host = this.hosts.get(app);
    return host && this.viewOf(host);
  }

  resolve(owner: string, name: string): AppId | undefined {
    const registered = [...this.hosts.values()].filter((host) => host.definition).map((host) => host.id);
    const named = (wanted: string) => registered.find((id) => id === `${wanted}/${name}`);
    return named(owner) ?? named(LOCAL_OWNER) ?? registered.find((id) => id.slice(id.indexOf('/') + 1) === name);
  }

  gpus(): GpuUse[] {
    return this.context.gpus.uses();
  }

  async stopRunner(id: string, graceSeconds?: number): Promise<boolean> {
    for (const host of this.hosts.values()) {
      const runner = host.runners.get(id);
      if (!runner) continue;
      host.apply({ type: 'stopRunner', runner: id, graceSeconds: graceSeconds ?? null });
      await runner.gone;
      return true;
    }
    return false;
  }

  replaceRunner(id: string): boolean {
    const host = [...this.hosts.values()].find(({ runners }) => runners.has(id));
    host?.apply({ type: 'replaceRunner', runner: id });
    return host !== undefined;
  }

  async shell(id: string): Promise<Duplex> {
    for (const { runners } of this.hosts.values()) {
      const runner = runners.get(id);
      if (runner) return runner.shell();
    }
    throw new WindtunnelError('E_UNKNOWN_RUNNER', `Runner ${id} not found`);
  }

  async debug(app: AppId): Promise<Duplex> {
    const host = this.hosts.get(app);
    if (!host?.definition) throw new WindtunnelError('E_UNKNOWN_APP', `No app ${app} runs here`);
    return host.debug();
  }

  runnerLogs(id: string): LogLine[] {
    for (const host of this.hosts.values()) {
      const runner = host.runners.get(id);
      if (runner) return runner.logs.all();
    }
    return this.deadLogs.get(id)?.all() ?? [];
  }

  private viewOf(host: AppHost): AppView | undefined {
    return host.definition && viewOf(host, host.definition, this.context);
  }

  private mustHave(app: AppId): AppHost {
    const host = this.hosts.get(app);
    if (!host?.definition) throw new WindtunnelError('E_UNKNOWN_APP', `No app ${app} runs here`);
    return host;
  }

  private mustBeOpen(): void {
    if (this.closed) throw new WindtunnelError('E_CANCELLED', 'The emulator is stopping');
  }

  private notify(definition: AppDefinition): void {
    for (const { code, message } of registrationNotices(definition, this.context)) {
      // Once: an app is registered anew with every save.
      if (this.told.has(message)) continue;
      this.told.add(message);
      this.context.bus.emit({ type: 'emulator.notice', level: 'warn', code, message });
    }
  }

  /** Keeps the last lines of a runner that is no more. */
  keepLogs(id: string, logs: LogRing): void {
    this.deadLogs.set(id, logs);
    if (this.deadLogs.size <= DEAD_RUNNERS_KEPT) return;
    for (const oldest of this.deadLogs.keys()) {
      this.deadLogs.delete(oldest);
      return;
    }
  }
}

function viewOf(host: AppHost, definition: AppDefinition, { clock, gpus }: FleetContext): AppView {
  const { state } = host;
  const { id, revision, file, symbol, engine, endpoints, settings } = definition;
  const runners = [...state.runners.values()];
  return {
    id,
    revision,
    file,
    symbol,
    engine,
    endpoints,
    settings,
    gpuDemands: gpus.demandsOf(definition),
    queued: waitingCount(state) - state.directWaiters.size,
    running: runners.reduce((sum, runner) => sum + runner.inFlight.size, 0),
    runners: [...runners.map((runner) => runnerView(host, runner)), ...delayedView(host, clock.now())],
    lastError: state.lastError,
  };
}

function runnerView(host: AppHost, runner: Runner): RunnerView {
  const alive = host.runners.get(runner.id);
  return {
    id: runner.id,
    app: host.id,
    revision: runner.revision.id,
    state: runnerState(runner),
    phase: runner.phase === 'starting' ? runner.startPhase : null,
    inFlight: runner.inFlight.size,
    slots: runner.slots,
    startedAt: alive?.startedAt ?? 0,
    memoryBytes: alive?.memoryBytes ?? null,
    ...(alive?.gpuMemoryBytes == null ? {} : { gpuMemoryBytes: alive.gpuMemoryBytes }),
    machine: alive?.place?.machine ?? null,
    gpus: alive?.place?.gpus ?? [],
    hints: runner.hints,
  };
}

/** A start that failed, while the next one is waited for. */
function delayedView(host: AppHost, now: number): RunnerView[] {
  const delay = failureDelay(host.state, now);
  if (delay === null || host.state.runners.has(delay.runner)) return [];
  const { runner: id, revision, phase, since: startedAt } = delay;
  const nothing = { inFlight: 0, slots: 0, memoryBytes: null, machine: null, gpus: [], hints: [] };
  return [{ id, app: host.id, revision, state: 'FAILURE_DELAY', phase, startedAt, ...nothing }];
}
