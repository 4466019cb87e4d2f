import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import {
  type GpuCard,
  RUNNER_PROBE_MARK,
  RUNNER_SECRET_HEADER,
  type RunnerExit,
  type RunnerSpec,
  WindtunnelError,
} from '../../emulator/contract/index.ts';
import type { EngineGpus, ReadyInfo, RunnerEngine, RunnerHandle, RunnerHooks } from '../../emulator/engines/engine.ts';

/** What the app of a fake runner does with a request. */
export type FakeApp = (request: FakeRequest, response: ServerResponse, runner: FakeRunner) => void;

export interface FakeRequest {
  method: string;
  path: string;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

/**
 * An engine whose runners are HTTP servers on unix sockets in this process. Each runner is started, made ready and killed by
 * the test, or at once where `autoReady` is set.
 */
export class FakeEngine implements RunnerEngine {
  readonly name = 'process';
  readonly runners: FakeRunner[] = [];
  autoReady = true;
  /** GPUs that its runners can have; null: there is nobody to ask. */
  cards: readonly GpuCard[] | null = [];
  /** Each end is told right after the answer; a test that sets this to false tells it by `hooks`, or never. */
  tellsEnds = true;
  /** Its runners are servers without a harness: they tell no ends, and say so. */
  reportsEnds = true;
  /** Set: the next starts fail with it once the runner exists. */
  startError: Error | null = null;
  app: FakeApp = (_request, response) => response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  /** Made with the first runner: a fixture that takes another engine leaves nothing. */
  private folder: string | null = null;

  async start(spec: RunnerSpec, hooks: RunnerHooks, signal: AbortSignal): Promise<RunnerHandle> {
    signal.throwIfAborted();
    this.folder ??= mkdtempSync(path.join(tmpdir(), 'wt-fe-'));
    const runner = new FakeRunner(this, spec, hooks, path.join(this.folder, `${this.runners.length}.sock`));
    this.runners.push(runner);
    await runner.listen();
    if (this.startError) runner.fail(this.startError);
    else if (this.autoReady) runner.becomeReady();
    return runner;
  }

  /** Runners that were not stopped. */
  get alive(): FakeRunner[] {
    return this.runners.filter((runner) => runner.alive);
  }

  async gpus(): Promise<EngineGpus> {
    if (this.cards === null) throw new WindtunnelError('E_DOCKER_DOWN', 'The Docker daemon does not answer.');
    return { cards: this.cards, reason: this.cards.length > 0 ? '' : 'no driver of one answers' };
  }

  async sweep(): Promise<string[]> {
    return [];
  }

  async dispose(): Promise<void> {
    for (const runner of this.alive) runner.end({ code: 0, signal: null, cause: 'stopped', error: null });
  }

  /** With the last runner goes their folder: a test that ends its fleet leaves nothing. */
  ended(): void {
    if (this.folder === null || this.alive.length > 0) return;
    rmSync(this.folder, { recursive: true, force: true });
    this.folder = null;
  }
}

export class FakeRunner implements RunnerHandle {
  readonly id: string;
  readonly spec: RunnerSpec;
  readonly hooks: RunnerHooks;
  readonly ready: Promise<ReadyInfo>;
  readonly exited: Promise<RunnerExit>;
  readonly requests: FakeRequest[] = [];
  private readonly engine: FakeEngine;
  readonly stops: number[] = [];
  alive = true;
  /** Memory that it reports, bytes. */
  rss: number | null = 50_000_000;
  /** A runner that ignores SIGTERM: `stop` does not end it. */
  stubborn = false;
  /** False: a question whether it still serves is taken and not answered, as by a process that is on its way out. */
  answersProbes = true;
  probes = 0;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private readonly address: string;
  private settleReady!: { resolve(info: ReadyInfo): void; reject(error: Error): void };
  private settleExit!: (exit: RunnerExit) => void;

  constructor(engine: FakeEngine, spec: RunnerSpec, hooks: RunnerHooks, address: string) {
    this.engine = engine;
    this.id = spec.id;
    this.spec = spec;
    this.hooks = hooks;
    this.address = address;
    this.ready = new Promise((resolve, reject) => {
      this.settleReady = { resolve, reject };
    });
    this.exited = new Promise((resolve) => {
      this.settleExit = resolve;
    });
    this.server = createServer((incoming, response) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        if (incoming.headers[RUNNER_SECRET_HEADER] === spec.secret + RUNNER_PROBE_MARK) {
          this.probes++;
          if (this.answersProbes) response.writeHead(204).end();
          return;
        }
        const { method = '', url = '', headers } = incoming;
        const request = { method, path: url, headers, body: Buffer.concat(chunks) };
        this.requests.push(request);
        response.once('close', () => {
          if (engine.tellsEnds) this.hooks.onRequestEnd(String(headers['x-fal-request-id']));
        });
        engine.app(request, response, this);
      });
    });
    this.server.on('connection', (socket) => {
      this.sockets.add(socket);
      socket.on('close', () => this.sockets.delete(socket));
    });
  }

  listen(): Promise<void> {
    return new Promise((resolve) => this.server.listen(this.address, resolve));
  }

  becomeReady(): void {
    this.settleReady.resolve({
      pythonVersion: '3.11',
      falVersion: '1.83.0',
      seconds: {},
      reportsEnds: this.engine.reportsEnds,
    });
  }

  fail(error: Error): void {
    this.settleReady.reject(error);
    this.end({ code: 1, signal: null, cause: 'startup', error: null });
  }

  crash(error: RunnerExit['error'] = null): void {
    this.end({ code: null, signal: 'SIGKILL', cause: 'crashed', error });
  }

  connect(): Promise<Duplex> {
    return new Promise((resolve, reject) => {
      const socket = connect(this.address);
      socket.once('connect', () => resolve(socket));
      socket.once('error', reject);
    });
  }

  shell(): Promise<Duplex> {
    return Promise.reject(new Error('a fake runner has no shell'));
  }

  stop(graceSeconds: number): Promise<RunnerExit> {
    this.stops.push(graceSeconds);
    if (!this.stubborn) this.end({ code: 0, signal: null, cause: 'stopped', error: null });
    return this.exited;
  }

  kill(): void {
    this.crash();
  }

  async memory(): Promise<number | null> {
    return this.rss;
  }

  end(exit: RunnerExit): void {
    if (!this.alive) return;
    this.alive = false;
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    this.engine.ended();
    this.settleExit(exit);
  }
}
