import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { Pool } from 'undici';
import {
  type AppId,
  type HeaderList,
  type LogLine,
  type RequestOutcome,
  type RequestRecord,
  WindtunnelError,
} from '../../emulator/contract/index.ts';
import type { Clock } from '../../emulator/core/clock.ts';
import type {
  AppView,
  CancelAnswer,
  Fleet,
  Lease,
  RequestChange,
  RunnerView,
  SubmitInput,
} from '../../emulator/fleet/fleet.ts';
import type { StoredBody } from '../../emulator/store/store.ts';

export type FakeApp = (req: IncomingMessage, res: ServerResponse) => void;

interface Entry {
  record: RequestRecord;
  input: SubmitInput;
  logs: LogLine[];
  result: StoredBody | null;
  watchers: Set<(change: RequestChange) => void>;
}

/** A fleet in memory: apps are plain node servers on loopback; queued requests move when the test says so. */
export class FakeFleet implements Fleet {
  readonly submits: SubmitInput[] = [];
  readonly cancels: { path: string; requestId: string }[] = [];
  readonly releases: Parameters<Lease['release']>[0][] = [];
  /** Aborts of leases that are out, newest last. */
  readonly leases: { lease: Lease; abort: (reason: unknown) => void }[] = [];
  /** What the next lease or submit rejects with. */
  refuse: unknown = null;
  /** While set, leases wait for it. */
  gate: Promise<void> | null = null;

  private readonly clock: Clock;
  private readonly servers = new Map<AppId, { server: Server; pool: Pool; port: number }>();
  private readonly entries = new Map<string, Entry>();
  private readonly sockets = new Set<Socket>();
  private seq = 0;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Runs an app under this id. */
  async serve(id: AppId, app: FakeApp): Promise<void> {
    const server = createServer(app);
    server.on('connection', (socket) => this.sockets.add(socket));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    this.servers.set(id, { server, port, pool: new Pool(`http://127.0.0.1:${port}`) });
  }

  /** The app's server itself, to make it drop connections or take upgrades. */
  server(id: AppId): Server {
    return this.servers.get(id)!.server;
  }

  readonly queue: Fleet['queue'] = {
    submit: async (input) => {
      if (this.refuse !== null) throw this.refuse;
      const waiting = [...this.entries.values()].filter((entry) => entry.record.state === 'IN_QUEUE').length;
      if (input.maxQueueLength !== null && waiting > input.maxQueueLength) {
        throw new WindtunnelError('E_LIMIT', `More than ${input.maxQueueLength} requests wait.`);
      }
      this.submits.push(input);
      const id = randomUUID();
      const record: RequestRecord = {
        id,
        app: input.app,
        path: input.path,
        method: input.method,
        priority: input.priority,
        seq: this.seq++,
        createdAt: this.clock.now(),
        startDeadline: null,
        hint: input.hint,
        noRetry: input.noRetry,
        retryConfig: input.retryConfig,
        webhook: input.webhook,
        inputBytes: 0,
        storeIo: input.storeIo,
        headers: input.headers,
        state: 'IN_QUEUE',
        attempt: 0,
        gatewayRequestId: id,
        retriesSpent: {},
        cancelRequested: false,
        startedAt: null,
        completedAt: null,
        runnerId: null,
        outcome: null,
      };
      this.entries.set(id, { record, input, logs: [], result: null, watchers: new Set() });
      return record;
    },
    get: (id) => this.entries.get(id)?.record,
    position: (record) => {
      const ahead = [...this.entries.values()].filter((entry) => entry.record.state === 'IN_QUEUE');
      return ahead.filter((entry) => entry.record.seq < record.seq).length;
    },
    logs: async (id, from = 0) => this.entry(id).logs.slice(from),
    result: async (id) => this.entry(id).result,
    cancel: async (id): Promise<CancelAnswer> => {
      const entry = this.entries.get(id);
      if (!entry) return 'NOT_FOUND';
      if (entry.record.state === 'COMPLETED') return 'ALREADY_COMPLETED';
      entry.record.cancelRequested = true;
      return 'CANCELLATION_REQUESTED';
    },
    watch: (id, listener) => {
      const entry = this.entry(id);
      entry.watchers.add(listener);
      listener({ record: entry.record, logs: [...entry.logs] });
      return { dispose: () => void entry.watchers.delete(listener) };
    },
  };

  readonly records: Fleet['records'] = {
    list: () => [],
    find: (id) => this.entries.get(id)?.record,
    document: async () => Promise.reject(new Error('a fake fleet tells no stories')),
    replay: async () => Promise.reject(new Error('a fake fleet replays nothing')),
    begin: async () => [],
    told: async () => [],
    end: async () => [],
  };

  readonly direct: Fleet['direct'] = {
    lease: async (app, { signal }) => {
      if (this.refuse !== null) throw this.refuse;
      if (this.gate !== null) {
        const aborted = new Promise((_resolve, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason)),
        );
        await Promise.race([this.gate, aborted]);
      }
      const { pool, port } = this.servers.get(app)!;
      const abort = new AbortController();
      const requestId = randomUUID();
      const lease: Lease = {
        runner: 'runner-1',
        requestId,
        dispatcher: pool,
        connect: async () => connect(port, '127.0.0.1'),
        headers: [
          ['x-wt-secret', 'secret'],
          ['x-fal-request-id', requestId],
          ['x-fal-endpoint', `${app}/`],
          ['x-fal-object-lifecycle-preference', '{}'],
        ],
        signal: abort.signal,
        lastLine: async () => undefined,
        release: (report) => void this.releases.push(report),
        cancelOnRunner: async (path) => void this.cancels.push({ path, requestId }),
      };
      this.leases.push({ lease, abort: (reason) => abort.abort(reason) });
      return lease;
    },
  };

  readonly apps: Fleet['apps'] = {
    register: async () => undefined,
    start: async () => undefined,
    remove: async () => undefined,
    list: () => [...this.servers.keys()].map((id) => this.view(id)),
    get: (id) => (this.servers.has(id) ? this.view(id) : undefined),
    resolve: (owner, name) => {
      if (this.servers.has(`${owner}/${name}`)) return `${owner}/${name}`;
      return [...this.servers.keys()].find((id) => id.endsWith(`/${name}`));
    },
    gpus: () => [],
    stopRunner: async () => false,
    debug: () => Promise.reject(new Error('no debugger in a fake')),
    runnerLogs: () => [],
  };

  /** Moves a request to IN_PROGRESS. */
  begin(id: string): void {
    const { record } = this.entry(id);
    record.state = 'IN_PROGRESS';
    record.attempt += 1;
    this.tell(id, []);
  }

  /** Adds a log line of a request. */
  log(id: string, message: string): void {
    const line: LogLine = {
      timestamp: new Date(this.clock.now()).toISOString(),
      level: 'STDOUT',
      message,
      source: 'USER',
      labels: {},
    };
    this.entry(id).logs.push(line);
    this.tell(id, [line]);
  }

  /** Ends a request. */
  complete(id: string, body: StoredBody | string, outcome: Partial<RequestOutcome> = {}): void {
    const entry = this.entry(id);
    const headers: HeaderList = [['content-type', 'application/json']];
    entry.record.outcome = {
      status: 200,
      headers,
      resultBytes: 0,
      inferenceTime: 0.5,
      error: null,
      errorType: null,
      expiresAt: this.clock.now() + 3_600_000,
      ...outcome,
    };
    entry.record.state = 'COMPLETED';
    entry.result = typeof body === 'string' ? { kind: 'bytes', bytes: Buffer.from(body) } : body;
    this.tell(id, []);
  }

  /** Runs a queued request on its app and completes it with the answer. */
  async work(id: string): Promise<void> {
    const { record, input } = this.entry(id);
    this.begin(id);
    const body = input.body.kind === 'bytes' ? input.body.bytes : null;
    const answer = await this.servers.get(record.app)!.pool.request({
      path: record.path,
      method: 'POST',
      headers: input.headers.flat(),
      body,
    });
    const bytes = new Uint8Array(await answer.body.arrayBuffer());
    const headers = Object.entries(answer.headers).map(([name, value]): [string, string] => [name, String(value)]);
    this.complete(id, { kind: 'bytes', bytes }, { status: answer.statusCode, headers });
  }

  async dispose(): Promise<void> {
    for (const { server, pool } of this.servers.values()) {
      await pool.destroy();
      // Upgraded connections too, which the server has forgotten.
      for (const socket of this.sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  private tell(id: string, logs: LogLine[]): void {
    const entry = this.entry(id);
    for (const watcher of [...entry.watchers]) watcher({ record: entry.record, logs });
  }

  private entry(id: string): Entry {
    const entry = this.entries.get(id);
    if (!entry) throw new Error(`no request ${id}`);
    return entry;
  }

  private view(id: AppId): AppView {
    const runners: RunnerView[] = [];
    return {
      id,
      revision: 'r1',
      file: '/app.py',
      symbol: 'App',
      engine: 'process',
      endpoints: [],
      settings: {} as AppView['settings'],
      gpuDemands: [],
      queued: 0,
      running: 0,
      runners,
      lastError: null,
    };
  }
}
