import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, request } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EmulatorEvent } from '../../emulator/contract/index.ts';
import { EventBus } from '../../emulator/core/event-bus.ts';
import { FakeClock } from '../../emulator/core/fake-clock.ts';
import { createLog } from '../../emulator/core/log.ts';
import { createGateway, type Gateway } from '../../emulator/gateway/gateway.ts';
import type { ConnectionContext } from '../../emulator/gateway/port/connections.ts';
import type { KeyValueStore } from '../../emulator/store/kv-store.ts';
import { FakeFleet } from './fake-fleet.ts';

function memoryKv(clock: FakeClock): KeyValueStore {
  const values = new Map<string, { value: string; endsAt: number }>();
  return {
    get: async (db, key) => {
      const entry = values.get(`${db}/${key}`);
      return entry && entry.endsAt > clock.now() ? entry.value : null;
    },
    set: async (db, key, value, ttl) => void values.set(`${db}/${key}`, { value, endsAt: clock.now() + ttl * 1000 }),
    delete: async (db, key) => void values.delete(`${db}/${key}`),
  };
}

export const EXEC_KEY = 'local:exec-secret';

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  text: string;
  json: LooseJson;
}
// A test reads answers of many shapes; what is not there fails its assertion.
type LooseJson = Record<string, never> & { [key: string]: LooseJson };

export interface Call {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

/** A gateway behind a plain node server on loopback, with a fleet in memory and a clock that stands still. */
export class GatewayServer {
  readonly clock = new FakeClock();
  readonly fleet = new FakeFleet(this.clock);
  readonly folder = mkdtempSync(join(tmpdir(), 'wt-gw-'));
  readonly filesDir = join(this.folder, 'files');
  readonly errors: string[] = [];
  readonly events: EmulatorEvent[] = [];
  /** How the next requests are said to have come in. */
  connection: ConnectionContext = { via: 'direct', tls: false };
  port = 0;

  private bodies = 0;
  private readonly sockets = new Set<Socket>();
  private readonly gateway: Gateway;
  private readonly server = createServer();

  private constructor(config: { origins?: string[]; requireKey?: boolean }) {
    const bus = new EventBus(this.clock);
    bus.on((event) => this.events.push(event));
    this.gateway = createGateway({
      fleet: this.fleet,
      clock: this.clock,
      bus,
      log: createLog((severity, _tag, message, fields) => {
        if (severity === 'error') this.errors.push(`${message} ${JSON.stringify(fields)}`);
      }),
      keys: { verify: (key) => (key === EXEC_KEY ? { kind: 'exec', user: 'local' } : null) },
      tokenSecret: Buffer.alloc(32, 7),
      config,
      kv: memoryKv(this.clock),
      jwks: () => ({ keys: [] }),
      filesDir: this.filesDir,
      newBodyFile: () => join(this.folder, `body-${this.bodies++}`),
      publicUrl: () => `http://127.0.0.1:${this.port}`,
    });
    this.server.on('connection', (socket) => this.sockets.add(socket));
    this.server.on('request', (req, res) => this.gateway.onRequest(req, res, this.connection));
    this.server.on('upgrade', (req, socket, head) => this.gateway.onUpgrade(req, socket, head, this.connection));
  }

  static async start(config: { origins?: string[]; requireKey?: boolean } = {}): Promise<GatewayServer> {
    const server = new GatewayServer(config);
    await new Promise<void>((resolve) => server.server.listen(0, '127.0.0.1', resolve));
    server.port = (server.server.address() as AddressInfo).port;
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** One call; `target` is a path here, or a production URL that is sent with its own Host. */
  call(target: string, { method = 'GET', headers = {}, body }: Call = {}): Promise<Answer> {
    const production = /^https:\/\/([^/]+)(\/.*)$/.exec(target);
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          host: '127.0.0.1',
          port: this.port,
          path: production ? production[2] : target,
          method,
          headers: { ...(production ? { host: production[1] } : {}), ...headers },
          agent: false,
        },
        (res) => {
          const chunks: Buffer[] = [];
          res.on('data', (chunk: Buffer) => chunks.push(chunk));
          res.on('error', reject);
          res.on('end', () => {
            const bytes = Buffer.concat(chunks);
            const text = bytes.toString();
            const isJson = res.headers['content-type']?.startsWith('application/json') && text !== '';
            const json = (isJson ? JSON.parse(text) : undefined) as LooseJson;
            resolve({ status: res.statusCode ?? 0, headers: res.headers, body: bytes, text, json });
          });
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  }

  post(target: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return this.call(target, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  }

  async dispose(): Promise<void> {
    await this.gateway.dispose();
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
    await this.fleet.dispose();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
