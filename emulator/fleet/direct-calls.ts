import {
  type AppId,
  type ErrorType,
  type HeaderList,
  LIMITS,
  type SerializedError,
  WindtunnelError,
} from '../contract/index.ts';
import type { AttemptEnd, AttemptFailure } from '../core/retry-policy.ts';
import { type AppHost, revive } from './app-host.ts';
import type { Direct, Lease } from './fleet.ts';
import type { FleetContext } from './options.ts';
import { RequestEnds } from './request-ends.ts';
import { cancelOnRunner } from './runner-cancel.ts';
import { controlHeaders, platformHeaders } from './runner-headers.ts';
import type { RunnerHost } from './runner-host.ts';

interface Waiter {
  path: string;
  resolve(lease: Lease): void;
  reject(error: unknown): void;
}

interface Taken {
  giveUp: AbortController;
}

/** Direct calls: they wait in the same queue for the same slots, and nothing of them is stored. */
export class DirectCalls implements Direct {
  private readonly context: FleetContext;
  private readonly hostOf: (app: AppId) => AppHost | undefined;
  private readonly waiting = new Map<string, Waiter>();
  private readonly taken = new Map<string, Taken>();
  private readonly ends: RequestEnds;

  constructor(context: FleetContext, hostOf: (app: AppId) => AppHost | undefined) {
    this.context = context;
    this.hostOf = hostOf;
    this.ends = new RequestEnds(context.clock);
  }

  async lease(app: AppId, options: { path: string; hint: string | null; signal: AbortSignal }): Promise<Lease> {
    const { path, hint, signal } = options;
    signal.throwIfAborted();
    const host = this.hostOf(app);
    if (!host?.definition) throw new WindtunnelError('E_UNKNOWN_APP', `No app ${app} runs here`);
    if (host.state.directWaiters.size >= LIMITS.directWaiters) {
      throw new WindtunnelError('E_LIMIT', `${LIMITS.directWaiters} direct calls wait for ${app} already`);
    }
    const id = this.context.newId();
    return new Promise<Lease>((resolve, reject) => {
      const onAbort = () => {
        this.waiting.delete(id);
        host.apply({ type: 'cancel', id });
        reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      const settled = () => signal.removeEventListener('abort', onAbort);
      this.waiting.set(id, {
        path,
        resolve: (lease) => {
          settled();
          resolve(lease);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      });
      const rest = { priority: 'normal', noRetry: true, retryConfig: null, startDeadline: null } as const;
      host.apply({ type: 'arrive', request: { id, kind: 'direct', hint, attempt: 0, spent: {}, ...rest } });
    });
  }

  owns(id: string): boolean {
    return this.waiting.has(id) || this.taken.has(id);
  }

  dispatch(host: AppHost, id: string, runner: RunnerHost, attempt: number): void {
    const waiter = this.waiting.get(id)!;
    this.waiting.delete(id);
    const taken = { giveUp: new AbortController() };
    this.taken.set(id, taken);
    waiter.resolve(this.toLease(host, id, runner, attempt, waiter.path, taken));
  }

  refuse(id: string, error: SerializedError): void {
    const waiter = this.waiting.get(id);
    this.waiting.delete(id);
    waiter?.reject(revive(error));
  }

  /** The core took the slot back: the runner died, or request_timeout passed. */
  abort(id: string, error: string): void {
    this.taken.get(id)?.giveUp.abort(error);
    this.taken.delete(id);
  }

  requestEnded(id: string): void {
    this.ends.seen(id);
  }

  runnerGone(runner: string): void {
    this.ends.runnerGone(runner);
  }

  private toLease(host: AppHost, id: string, runner: RunnerHost, attempt: number, path: string, taken: Taken): Lease {
    const { clock, bus } = this.context;
    const startedAt = clock.now();
    const call = { app: host.id, path, requestId: id, secret: runner.secret };
    const route = this.context.faults.route(host.id, runner, id, path);
    let released = false;
    let heard: Promise<void> | undefined;
    if (runner.reportsEnds) this.ends.expect(id, runner.id);
    const about = { app: host.id, request: id, runner: runner.id, path };
    bus.emit({ type: 'direct.started', ...about });
    return {
      runner: runner.id,
      requestId: id,
      dispatcher: route.dispatcher,
      connect: () => route.connect(),
      headers: platformHeaders(call),
      signal: taken.giveUp.signal,
      lastLine: () => {
        heard ??= this.ends.told(id) ?? Promise.resolve();
        return heard;
      },
      release: (report) => {
        if (released) return;
        released = true;
        if (!heard) this.ends.forget(id);
        route.done();
        this.taken.delete(id);
        const seconds = (clock.now() - startedAt) / 1000;
        bus.emit({ type: 'direct', ...about, status: report.status ?? 0, seconds });
        const control = controlHeaders(report.responseHeaders ?? []);
        const end = toEnd(report, control);
        host.apply({ type: 'attemptEnded', id, attempt, end, hints: control.hints, checkHealth: control.checkHealth });
      },
      cancelOnRunner: (cancelled) => cancelOnRunner(runner.dispatcher, { ...call, path: cancelled }, []),
    };
  }
}

function toEnd(
  report: { status: number | null; error?: ErrorType; responseHeaders?: HeaderList },
  control: { needsRetry: boolean | null; stopRunner: boolean | null },
): AttemptEnd {
  if (report.error === undefined && report.status !== null) {
    return { kind: 'answer', status: report.status, needsRetry: control.needsRetry, stopRunner: control.stopRunner };
  }
  const error = report.error ?? 'client_disconnected';
  return { kind: 'failure', error: isAttemptFailure(error) ? error : 'internal_error', detail: error };
}

const ATTEMPT_FAILURES: readonly ErrorType[] = [
  'request_timeout',
  'runner_disconnected',
  'runner_connection_timeout',
  'runner_connection_refused',
  'runner_connection_error',
  'runner_incomplete_response',
  'client_disconnected',
] satisfies AttemptFailure[];

const isAttemptFailure = (error: ErrorType): error is AttemptFailure => ATTEMPT_FAILURES.includes(error);
