import { createHash } from 'node:crypto';
import { type AppId, type EmulatorEvent, type HeaderList, WindtunnelError } from '../../contract/index.ts';
import type { Clock } from '../../core/clock.ts';
import type { Disposable } from '../../core/disposable.ts';
import type { EventBus } from '../../core/event-bus.ts';
import type { Log } from '../../core/log.ts';
import type { Lease, ManagedFleet } from '../../fleet/fleet.ts';
import { type Surroundings, uploadDefinition } from '../deployments/app-definition.ts';
import { LogTap } from '../deployments/log-tap.ts';
import type { Registry } from '../deployments/registry.ts';
import type { RunRequest } from '../deployments/requests.ts';
import { uploadedSettings } from '../deployments/settings.ts';
import { checkEntrypoint, checkPickle, keptFiles } from '../deployments/upload.ts';
import type { RpcCall, Send } from '../grpc/rpc.ts';
import { decodeAnswer, encodeCall } from './function-frames.ts';

export interface RunOptions {
  fleet: ManagedFleet;
  registry: Registry;
  surroundings: Surroundings;
  bus: EventBus;
  clock: Clock;
  log: Log;
}

/** A runner whose connection broke and that has not ended by now is alive. */
const EXIT_TOLD_MS = 10_000;

const RUNNING = { status: { state: 'IN_PROGRESS' } };

/**
 * Functions that are called once. Those that ask for the same environment, machine and files share runners, which are kept for
 * the function's keep_alive: to the fleet each such group is an app, whose requests bring their code along.
 */
export class FunctionRuns implements Disposable {
  private readonly options: RunOptions;
  private readonly calls = new Map<AppId, number>();
  private readonly subscription: Disposable;

  constructor(options: RunOptions) {
    this.options = options;
    this.subscription = options.bus.on((event) => this.forgetIdle(event));
  }

  dispose(): void {
    this.subscription.dispose();
  }

  /** Runs it once; ends with the result, or with what it raised. */
  async run(request: RunRequest, call: RpcCall, send: Send): Promise<void> {
    const { fleet, bus } = this.options;
    const app = await this.register(request);
    let request_id: string | null = null;
    let runner: string | null = null;
    const tap = new LogTap(
      bus,
      (event) => {
        if (event.app !== app) return false;
        if (event.type !== 'log') return true;
        return event.request === null ? runner === null || event.runner === runner : event.request === request_id;
      },
      (logs) => ({ ...RUNNING, logs }),
      send,
    );
    this.calls.set(app, (this.calls.get(app) ?? 0) + 1);
    try {
      await send(RUNNING);
      // A runner that has the result of this setup function already tells so (runner/calls.py).
      const setup = request.setup_func?.definition;
      const hint = setup ? createHash('sha256').update(setup).digest('hex') : null;
      const lease = await fleet.direct.lease(app, { path: '/', hint, signal: call.signal });
      ({ requestId: request_id, runner } = lease);
      const result = await this.call(lease, request, call.signal);
      await tap.end();
      await send({ status: { state: 'SUCCESS' }, return_value: result });
    } finally {
      const left = (this.calls.get(app) ?? 1) - 1;
      if (left > 0) this.calls.set(app, left);
      else this.calls.delete(app);
      await tap
        .end()
        .catch((error: unknown) => call.signal.aborted || this.options.log.debug('log lines were lost', { error }));
    }
  }

  private async call(lease: Lease, request: RunRequest, signal: AbortSignal): Promise<object> {
    const { entrypoint, setup_func: setup } = request;
    const callable = request.function && checkPickle(request.function);
    const body = encodeCall({
      method: callable?.method ?? '',
      function: callable?.definition ?? Buffer.alloc(0),
      setup: setup ? checkPickle(setup).definition : null,
      entrypoint: entrypoint === undefined ? null : checkEntrypoint(entrypoint),
    });
    const lastLine = lease.lastLine();
    let status: number | null = null;
    let responseHeaders: HeaderList = [];
    try {
      const answer = await lease.dispatcher.request({
        origin: 'http://runner',
        path: '/',
        method: 'POST',
        headers: Object.fromEntries(lease.headers),
        body,
        signal: AbortSignal.any([signal, lease.signal]),
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      status = answer.statusCode;
      const hints = answer.headers['x-fal-runner-hints'];
      if (typeof hints === 'string') responseHeaders = [['x-fal-runner-hints', hints]];
      return decodeAnswer(Buffer.from(await answer.body.arrayBuffer()));
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof WindtunnelError) throw error;
      throw await this.brokenOff(lease, error);
    } finally {
      // A client that left while it ran: there is no way to stop a function but with its runner.
      const left = status === null && signal.aborted;
      lease.release({
        status,
        responseHeaders,
        ...(status === null ? { error: left ? 'client_disconnected' : 'runner_disconnected' } : {}),
      });
      if (left) void this.options.fleet.apps.stopRunner(lease.runner, 0);
      // The client's last message is the result: a line that comes after it reaches nobody.
      if (status !== null) await lastLine;
    }
  }

  /** Why a runner that had the function answers no more. */
  private async brokenOff(lease: Lease, cause: unknown): Promise<WindtunnelError> {
    const { signal } = lease;
    if (signal.aborted && signal.reason === 'request_timeout') {
      return new WindtunnelError('E_RUNNER_EXITED', 'The function ran longer than its request_timeout.', { cause });
    }
    const exit = await exitOf(this.options.bus, lease.runner, this.options.clock);
    // The SDK makes a hint of these words: the machine ran out of memory (api.py).
    const killed = exit?.cause === 'memory' || exit?.signal === 'SIGKILL';
    const how = killed
      ? 'the runner died with <Signals.SIGKILL: 9>.'
      : `the runner ended with ${exit?.signal ?? `code ${exit?.code ?? 'unknown'}`}.`;
    const code = exit?.cause === 'memory' ? 'E_RUNNER_MEMORY' : 'E_RUNNER_EXITED';
    return new WindtunnelError(code, `The function did not return: ${how}`, { cause });
  }

  private async register(request: RunRequest): Promise<AppId> {
    const { fleet, registry, surroundings } = this.options;
    const environment = registry.mustHaveEnvironment(request.environment_name);
    const settings = uploadedSettings(request, null);
    const files = keptFiles(request, surroundings.blobs);
    const key = createHash('sha256')
      .update(JSON.stringify([environment, settings, files]))
      .digest('hex')
      .slice(0, 8);
    const id: AppId = `${surroundings.owner}/function-${key}`;
    if (fleet.apps.get(id)) return id;
    const definition = uploadDefinition(
      {
        id,
        revision: key,
        callable: { kind: 'calls' },
        settings,
        servedBySdk: true,
        files,
        environment,
        symbol: 'fal.function',
      },
      surroundings,
    );
    await fleet.apps.register(definition, 'called');
    return id;
  }

  /** The last runner of a group ended and nobody calls: what is called later is registered anew. */
  private forgetIdle(event: EmulatorEvent): void {
    if (event.type !== 'runner.exit' || !event.app.includes('/function-') || this.calls.has(event.app)) return;
    const { fleet, log } = this.options;
    const app = fleet.apps.get(event.app);
    if (!app || app.runners.some((runner) => runner.id !== event.runner)) return;
    fleet.apps.remove(event.app).catch((error: unknown) => log.error('an app could not be removed', { error }));
  }
}

type Exit = Extract<EmulatorEvent, { type: 'runner.exit' }>['exit'];

/** How a runner ended; its end is told after its connection broke. */
async function exitOf(bus: EventBus, runner: string, clock: Clock): Promise<Exit | null> {
  const told = (event: EmulatorEvent) => (event.type === 'runner.exit' && event.runner === runner ? event.exit : null);
  for (const event of bus.recent()) {
    const exit = told(event);
    if (exit) return exit;
  }
  return new Promise((resolve) => {
    const settle = (exit: Exit | null) => {
      subscription.dispose();
      timer.cancel();
      resolve(exit);
    };
    const subscription = bus.on((event) => {
      const exit = told(event);
      if (exit) settle(exit);
    });
    const timer = clock.setTimeout(() => settle(null), EXIT_TOLD_MS);
  });
}
