import { createServer, type Server } from 'node:http';
import { type Duplex, duplexPair } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { AppId, Fault, Scenario } from '../contract/index.ts';
import type { Clock } from '../core/clock.ts';
import type { EventBus } from '../core/event-bus.ts';
import { FaultPlan, type RequestFault } from '../core/fault-plan.ts';
import type { RunnerHost } from './runner-host.ts';
import { createRunnerPool } from './runner-pool.ts';

/** How one attempt reaches its runner. */
export interface RunnerRoute {
  dispatcher: Dispatcher;
  connect(): Promise<Duplex>;
  /** The attempt is over. */
  done(): void;
}

// As the SDK answers an error of CUDA (fal/exceptions/gpu.py): 503, so that the platform replaces the runner.
const GPU_LOST: Fault = { kind: 'status', status: 503, body: { detail: 'CUDA error: device lost, by a scenario' } };

/**
 * The faults that scenarios put between the emulator and its runners. They act on the connection: what comes back is read by the
 * same code, and judged by the same rules, as that of a real failure.
 */
export class Faults {
  private readonly plans = new Map<AppId, FaultPlan>();
  private readonly clock: Clock;
  private readonly bus: EventBus;

  constructor(clock: Clock, bus: EventBus) {
    this.clock = clock;
    this.bus = bus;
  }

  /** The counts of a scenario that stays the same go on: an app that is reloaded does not crash anew. */
  set(app: AppId, scenario: Scenario | null): void {
    if (scenario === null) this.plans.delete(app);
    else if (JSON.stringify(this.plans.get(app)?.scenario) !== JSON.stringify(scenario)) {
      this.plans.set(app, new FaultPlan(scenario));
    }
  }

  /** The way of one attempt to its runner: the runner's own, unless a fault stands in it. */
  route(app: AppId, runner: RunnerHost, request: string, path: string): RunnerRoute {
    const faults = this.plans.get(app)?.forAttempt(path) ?? [];
    if (faults.length === 0) {
      return { dispatcher: runner.dispatcher, connect: () => runner.connect(), done: () => undefined };
    }
    for (const fault of faults) {
      const about = { app, request, runner: runner.id };
      this.bus.emit({ type: 'fault', ...about, fault: fault.kind, detail: describe(fault) });
    }
    const server = inPlaceOf(faults.at(-1)!);
    const over = new AbortController();
    const connect = () => this.connect(faults, runner, server, over.signal);
    const pool = createRunnerPool(connect);
    return {
      dispatcher: pool,
      connect,
      done: () => {
        over.abort();
        server?.closeAllConnections();
        // What is open belongs to an attempt that is over.
        void pool.destroy();
      },
    };
  }

  /** Seconds that the start of a runner is held back. */
  startDelay(app: AppId, runner: string): number {
    const seconds = this.plans.get(app)?.forStart() ?? 0;
    if (seconds > 0) {
      const detail = describe({ kind: 'slow-start', seconds });
      this.bus.emit({ type: 'fault', app, request: null, runner, fault: 'slow-start', detail });
    }
    return seconds;
  }

  private async connect(
    faults: readonly RequestFault[],
    runner: RunnerHost,
    server: Server | null,
    signal: AbortSignal,
  ): Promise<Duplex> {
    for (const fault of faults) {
      if (fault.kind === 'delay') await this.clock.sleep(fault.seconds * 1000, signal);
      if (fault.kind === 'kill-runner' || fault.kind === 'oom') this.kill(fault, runner, server, signal);
    }
    if (server === null) return runner.connect();
    const [ours, theirs] = duplexPair();
    theirs.once('close', () => ours.destroy());
    server.emit('connection', theirs);
    return ours;
  }

  private kill(fault: KillFault, runner: RunnerHost, server: Server | null, signal: AbortSignal): void {
    const kill = () => runner.kill(fault.kind === 'oom' ? 'memory' : 'crashed');
    if (server === null) {
      const timer = this.clock.setTimeout(kill, (fault.after ?? 0) * 1000);
      signal.addEventListener('abort', () => timer.cancel(), { once: true });
      return;
    }
    // At once, and the app may be fast: the request waits on a connection of ours, which breaks when the runner is dead.
    kill();
    void runner.gone.then(() => server.closeAllConnections());
  }
}

type KillFault = Extract<Fault, { kind: 'kill-runner' | 'oom' }>;

/** A server that does what the fault says to the one request that it gets; null where the app gets it. */
function inPlaceOf(fault: Fault): Server | null {
  if (fault.kind === 'gpu-lost') return inPlaceOf(GPU_LOST);
  if ((fault.kind === 'kill-runner' || fault.kind === 'oom') && !fault.after) return createServer((r) => r.resume());
  if (fault.kind !== 'status' && fault.kind !== 'drop') return null;
  const server = createServer((request, response) => {
    request.resume();
    request.once('end', () => {
      if (fault.kind === 'status') {
        const { status, headers = {}, body = { detail: `${status}, by the scenario of this run` } } = fault;
        response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
      } else if (fault.at === 'answer') {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1024 });
        response.write('{', () => response.destroy());
      } else response.destroy();
    });
  });
  server.on('upgrade', (_request, socket) => socket.destroy());
  return server;
}

/** A fault as one says it. */
function describe(fault: Fault): string {
  switch (fault.kind) {
    case 'status':
      return `answered ${fault.status} in place of the app`;
    case 'delay':
      return `held back for ${fault.seconds} s`;
    case 'kill-runner':
      return `the runner is killed${fault.after ? ` after ${fault.after} s` : ''}`;
    case 'oom':
      return `the runner runs out of memory${fault.after ? ` after ${fault.after} s` : ''}`;
    case 'drop':
      return fault.at === 'answer' ? 'the connection breaks in the answer' : 'the connection is closed';
    case 'gpu-lost':
      return 'CUDA fails';
    case 'slow-start':
      return `the start of the runner is held back for ${fault.seconds} s`;
  }
}
