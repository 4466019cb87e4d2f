import type { ChildProcess } from 'node:child_process';
import net from 'node:net';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import {
  type RunnerExit,
  type RunnerSpec,
  type StartPhase,
  toWindtunnelError,
  WindtunnelError,
} from '../../contract/index.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { ReadyInfo, RunnerHandle, RunnerHooks } from '../engine.ts';
import type { Exited, RunnerStateMessage, StartFailure, StartMessage } from '../link/messages.ts';
import { LinkMux } from '../link/mux.ts';
import { dataMountError } from './folders.ts';
import { killMarked } from './processes.ts';
import { exitError, failureError } from './start-errors.ts';
import { boundPort } from './start-message.ts';

// An agent that does not answer a kill within this is killed itself (ms).
const AGENT_KILL_MS = 5_000;
const SIGTERM = 15;

export interface RunnerParts {
  spec: RunnerSpec;
  hooks: RunnerHooks;
  /** Folder of the runner's sockets. */
  dir: string;
  /** The agent, with the link as its fourth descriptor. */
  agent: ChildProcess;
  link: Duplex;
  message: StartMessage;
  clock: Clock;
  log: Log;
  /** Removes what the runner has on disk. */
  cleanUp(): Promise<void>;
}

/** One runner of the process engine. */
export class ProcessRunner implements RunnerHandle {
  readonly id: string;
  /** Folder of its sockets. */
  readonly dir: string;
  readonly ready: Promise<ReadyInfo>;
  readonly exited: Promise<RunnerExit>;
  /** Resolves when the app's process exists; rejects when it can't be made. */
  readonly launched: Promise<void>;

  private readonly mux: LinkMux;
  private readonly launch = deferred<void>();
  private readonly readiness = deferred<ReadyInfo>();
  private readonly end = deferred<RunnerExit>();
  private readonly agentGone: Promise<void>;
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
    this.dir = parts.dir;
    this.ready = this.readiness.promise;
    this.launched = this.launch.promise;
    this.exited = this.end.promise;
    // Whoever does not wait for these hears of it by `exited`.
    this.ready.catch(() => undefined);
    this.launched.catch(() => undefined);
    this.since = parts.clock.monotonic();
    this.phaseSince = this.since;
    this.agentGone = new Promise((resolve) => {
      parts.agent.once('exit', () => resolve());
      parts.agent.once('error', (error) => {
        this.linkError = new WindtunnelError('E_RUNNER_EXITED', `The runner cannot be started: ${error.message}`, {
          cause: error,
        });
        resolve();
      });
    });
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
    void this.agentGone.then(() => this.mux.close(null));
  }

  connect(): Promise<Duplex> {
    // Straight to the app's own socket: the way through the agent costs 0.3-0.5 ms more, and both are on this machine.
    const port = boundPort(this.parts.spec);
    const socket =
      this.listen === 'port' && port !== null
        ? net.connect({ host: '127.0.0.1', port, noDelay: true })
        : net.connect({ path: path.join(this.parts.dir, 'app.sock') });
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(socket);
      });
    });
  }

  /** As `connect`, through the link: the way of engines that share no file system with their runners. */
  openStream(target: 'app' | 'metrics'): Duplex {
    return this.mux.open(target);
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
    const timer = this.parts.clock.setTimeout(() => this.parts.agent.kill('SIGKILL'), AGENT_KILL_MS);
    void this.agentGone.then(() => timer.cancel());
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
      this.launch.reject(dataMountError(this.parts.spec, process.platform, null, failure.message));
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
    const { spec, agent, clock, log } = this.parts;
    const timer = clock.setTimeout(() => agent.kill('SIGKILL'), (spec.graceSeconds + 1) * 1000 + AGENT_KILL_MS);
    await this.agentGone;
    timer.cancel();
    let leftover: unknown = null;
    try {
      // An agent that was killed could not end its tree itself.
      if (!this.exit) await killMarked(spec.id, null);
      await this.parts.cleanUp();
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
    return (
      this.linkError ?? exitError(this.parts.spec.app, this.exit, this.failure, this.parts.spec.limits.memoryBytes)
    );
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
    if (this.stopping) return as(this.killed ? 'killed' : 'stopped', false);
    if (this.killed || !this.exit) return as('killed', true);
    return as('crashed', true);
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
