import type { Duplex } from 'node:stream';
import {
  type RunnerExit,
  type RunnerSpec,
  type SourcePlace,
  type StartPhase,
  toWindtunnelError,
  WindtunnelError,
} from '../../contract/index.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { DebugChannel, ReadyInfo, RunnerHandle, RunnerHooks } from '../engine.ts';
import type { Exited, RunnerStateMessage, StartFailure, StartMessage } from './messages.ts';
import { LinkMux } from './mux.ts';
import { exitError, failureError, type KnownEnd, untoldEnd } from './start-errors.ts';

// An agent that does not answer a kill within this is killed itself (ms).
const AGENT_KILL_MS = 5_000;
const SIGTERM = 15;

/** How the holder of a runner's agent ended: the process, or the container. */
export interface BodyEnd {
  /** It could not be started, or what it ran in is gone. */
  error: WindtunnelError | null;
  /** What the place that it lived in knows of an end that came by itself; null where it knows nothing. */
  known: KnownEnd | null;
}

/** What a runner's agent lives in: a process of this machine, or a container. */
export interface RunnerBody {
  /** Resolves when the agent is no more; may begin to look only once the link is closed. */
  readonly gone: Promise<BodyEnd>;
  /** A way to the app's server that is shorter than the link's; null where there is none. */
  connect: ((listen: 'socket' | 'port') => Promise<Duplex>) | null;
  /** Ends the agent and all below it, without its help. */
  kill(): void;
  /** Removes what is left. `told`: the agent told its end, and has ended its tree before. */
  cleanUp(told: boolean): Promise<void>;
  /** The error of a start that failed because a folder cannot be mounted. */
  mountError(message: string): WindtunnelError;
}

export interface RunnerParts {
  spec: RunnerSpec;
  hooks: RunnerHooks;
  body: RunnerBody;
  link: Duplex;
  message: StartMessage;
  /** Where a debugger finds the user's sources. */
  sources: readonly SourcePlace[];
  clock: Clock;
  log: Log;
}

/** One runner at the other end of a link, whatever its agent lives in. */
export class LinkedRunner implements RunnerHandle {
  readonly id: string;
  readonly ready: Promise<ReadyInfo>;
  readonly exited: Promise<RunnerExit>;
  /** Resolves when the app's process exists; rejects when it can't be made. */
  readonly launched: Promise<void>;

  private readonly mux: LinkMux;
  private readonly launch = deferred<void>();
  private readonly readiness = deferred<ReadyInfo>();
  private readonly end = deferred<RunnerExit>();
  private readonly since: number;
  private phase: StartPhase = 'booting';
  private phaseSince: number;
  private readonly seconds: Partial<Record<StartPhase, number>> = {};
  private pythonVersion = '';
  private listen: 'socket' | 'port' = 'socket';
  private bytes: number | null = null;
  private failure: StartFailure | null = null;
  private exit: Exited | null = null;
  private linkError: WindtunnelError | null = null;
  private wasReady = false;
  private stopping: { deadline: number; timer: Timer } | null = null;
  private killed = false;

  private readonly parts: RunnerParts;

  constructor(parts: RunnerParts) {
    this.parts = parts;
    this.id = parts.spec.id;
    this.ready = this.readiness.promise;
    this.launched = this.launch.promise;
    this.exited = this.end.promise;
    // Whoever does not wait for these hears of it by `exited`.
    this.ready.catch(() => undefined);
    this.launched.catch(() => undefined);
    this.since = parts.clock.monotonic();
    this.phaseSince = this.since;
    this.mux = new LinkMux(parts.link, {
      onHello: () => this.mux.start(parts.message),
      onState: (state) => this.onState(state),
      onLog: ({ level, request, at, text }) => {
        for (const line of text.split('\n')) parts.hooks.onLog({ request, level, message: line, at });
      },
      onRequestEnd: (request) => parts.hooks.onRequestEnd(request),
      onMemory: (bytes) => {
        this.bytes = bytes;
      },
      onTunnel: (stream, target) => {
        // The receiver may be gone before it listens for errors; a broken tunnel is the app's to notice.
        stream.on('error', (error) => parts.log.debug('A tunnel stream broke', { target, error: error.message }));
        parts.hooks.onTunnel(stream, target);
      },
      onExited: (exited) => {
        this.exit = exited;
        this.mux.close(null);
      },
      onClose: (error) => {
        if (error) this.linkError = error;
        void this.finish();
      },
    });
    void parts.body.gone.then(() => this.mux.close(null));
  }

  async connect(): Promise<Duplex> {
    return this.parts.body.connect ? this.parts.body.connect(this.listen) : this.mux.connect('app');
  }

  /** A connection through the link, whatever the runner says to it. */
  openStream(target: 'app' | 'metrics' | 'shell'): Duplex {
    return this.mux.open(target);
  }

  async shell(): Promise<Duplex> {
    return this.openStream('shell');
  }

  debug(): DebugChannel {
    if (this.parts.spec.debugger === undefined) {
      throw new WindtunnelError('E_NO_DEBUGGER', `${this.parts.spec.app} was not started for a debugger.`, {
        hint: 'Start it with F5 in the editor.',
      });
    }
    const attach = (address: { host: string; port: number }) => this.mux.debug(address);
    return { adapter: this.mux.open('debug'), attach, sources: this.parts.sources };
  }

  stop(graceSeconds: number): Promise<RunnerExit> {
    const { clock } = this.parts;
    const deadline = clock.monotonic() + graceSeconds * 1000;
    if (!this.stopping) this.mux.signal(SIGTERM);
    else if (deadline >= this.stopping.deadline) return this.exited;
    this.stopping?.timer.cancel();
    const timer = clock.setTimeout(() => this.kill(), graceSeconds * 1000);
    this.stopping = { deadline, timer };
    return this.exited;
  }

  /** Ends the whole tree now. */
  kill(): void {
    this.killed = true;
    this.mux.signal('kill');
    const timer = this.parts.clock.setTimeout(() => this.parts.body.kill(), AGENT_KILL_MS);
    void this.parts.body.gone.then(() => timer.cancel());
  }

  async memory(): Promise<number | null> {
    return this.exit ? null : this.bytes;
  }

  private onState(state: RunnerStateMessage): void {
    switch (state.phase) {
      case 'mapped':
        break;
      case 'unmapped':
        this.parts.log.warn('A runner does without its own /data', {
          app: this.parts.spec.app,
          why: state.message,
        });
        break;
      case 'failed':
        this.onFailed(state);
        break;
      case 'booting':
        this.enter('booting', '');
        this.launch.resolve();
        break;
      case 'importing':
        this.pythonVersion = state.pythonVersion;
        this.enter('importing', `Python ${state.pythonVersion}`);
        break;
      case 'setup':
        this.enter('setup', '');
        break;
      case 'ready':
        this.becomeReady(state.listen, state.falVersion ?? '');
    }
  }

  private onFailed(failure: StartFailure): void {
    this.failure = failure;
    if (failure.stage === 'mount') {
      this.launch.reject(this.parts.body.mountError(failure.message));
    } else if (!this.wasReady) {
      this.launch.resolve();
      this.readiness.reject(failureError(this.parts.spec.app, failure));
    }
  }

  private becomeReady(listen: 'socket' | 'port', falVersion: string): void {
    // An app that the SDK serves and that binds a port besides is reached by the SDK's server.
    if (this.wasReady && listen === 'port') return;
    this.listen = listen;
    this.wasReady = true;
    this.enter('ready', '');
    const reportsEnds = listen === 'socket';
    this.readiness.resolve({ pythonVersion: this.pythonVersion, falVersion, seconds: this.seconds, reportsEnds });
  }

  private enter(phase: StartPhase, detail: string): void {
    const now = this.parts.clock.monotonic();
    this.seconds[this.phase] = (this.seconds[this.phase] ?? 0) + (now - this.phaseSince) / 1000;
    this.phase = phase;
    this.phaseSince = now;
    this.parts.hooks.onPhase(phase, detail);
  }

  /** The link is closed: wait for the agent, remove what is left, tell how it ended. */
  private async finish(): Promise<void> {
    this.stopping?.timer.cancel();
    const { spec, body, clock, log } = this.parts;
    const timer = clock.setTimeout(() => body.kill(), (spec.graceSeconds + 1) * 1000 + AGENT_KILL_MS);
    const bodyEnd = await body.gone;
    timer.cancel();
    this.linkError ??= bodyEnd.error;
    this.exit ??= untoldEnd(bodyEnd.known, this.bytes ?? 0);
    let leftover: unknown = null;
    try {
      await body.cleanUp(this.exit !== null);
    } catch (error) {
      leftover = error;
      log.error('Something of a runner could not be removed', {
        runner: spec.id,
        error: toWindtunnelError(error).message,
      });
    }
    const exit = this.describeExit(leftover);
    this.launch.reject(this.startError());
    this.readiness.reject(this.startError());
    this.end.resolve(exit);
  }

  private startError(): WindtunnelError {
    const { spec, message } = this.parts;
    const awaited = this.wasReady ? null : message.port;
    return this.linkError ?? exitError(spec, this.exit, this.failure, awaited);
  }

  private describeExit(cause: unknown): RunnerExit {
    const code = this.exit?.code ?? null;
    const signal = this.exit?.signal ?? null;
    const as = (why: RunnerExit['cause'], failed: boolean): RunnerExit => ({
      code,
      signal,
      cause: why,
      error: failed ? this.startError().toJSON() : null,
    });
    if (cause !== null && this.exit === null) return as('link', true);
    if (this.linkError) return as('link', true);
    if (this.exit?.cause === 'memory') return as('memory', true);
    if (this.failure && !this.wasReady) return as('startup', true);
    // It ended by itself before our signal came, however soon after we sent one.
    if (this.exit?.cause === 'crashed') return as('crashed', true);
    if (this.stopping) return as(this.killed ? 'killed' : 'stopped', false);
    return as('killed', true);
  }
}

interface Deferred<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

// Promise.withResolvers, which the ES2023 library does not have.
function deferred<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
}
