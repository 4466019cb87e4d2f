// A program of its own, so that it can run in an empty network namespace: starts a port with the stub behind it, runs client
// programs under exec's variables, and prints what they said and what arrived. Spec: JSON on stdin.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCaBundles } from '../../../emulator/cli/ca-bundles.ts';
import { execEnv } from '../../../emulator/cli/exec-env.ts';
import { systemClock } from '../../../emulator/core/clock.ts';
import { createLog } from '../../../emulator/core/log.ts';
import { issueLeaves, loadOrMakeCa } from '../../../emulator/gateway/port/ca-store.ts';
import { createPort } from '../../../emulator/gateway/port/port.ts';
import { raiseLoopback } from '../../support/namespace.ts';
import { type Arrival, createStub } from './stub.ts';

export interface SessionSpec {
  /** The environment that `exec` is started from. */
  env: Record<string, string>;
  clients: Record<string, string[]>;
  /** Hosts whose TLS connections are cut right after CONNECT, as if they were down. */
  down: string[];
  /** Run the clients without exec's variables: nothing may arrive then. */
  stripped: boolean;
}

export interface SessionResult {
  /** By client: exit code and what it printed. */
  clients: Record<string, { code: number | null; stdout: string; stderr: string }>;
  arrivals: Arrival[];
  /** Hosts to which a blind tunnel was opened. */
  left: string[];
  log: string[];
}

const CLIENT_TIMEOUT_MS = 60_000;

const spec = JSON.parse(readFileSync(0, 'utf8')) as SessionSpec;
raiseLoopback();
const dir = mkdtempSync(join(tmpdir(), 'windtunnel-redirection-'));
const log: string[] = [];
const left: string[] = [];
const sink = createLog((severity, _tag, message, fields) => {
  if (severity !== 'debug') log.push(`${severity} ${message} ${JSON.stringify(fields ?? {})}`);
});
const ca = loadOrMakeCa(dir, systemClock, sink);
const stub = createStub();
const port = createPort({
  leaves: issueLeaves(ca, systemClock),
  clock: systemClock,
  log: sink,
  onRequest: (...args) => void stub.onRequest(...args),
  onUpgrade: stub.onUpgrade,
  authorizeProxy: (_user, password) => {
    if (password !== 'KEY') return null;
    const route = ({ host }: { host: string }) => {
      left.push(host);
      return null;
    };
    return { id: 'exec', route };
  },
});
const address = await port.listen(0);
const front = spec.down.length > 0 ? await startFront(address.port, spec.down) : null;
const original = { PATH: process.env.PATH ?? '', HOME: dir, ...spec.env };
const environment = spec.stripped
  ? original
  : execEnv(original, {
      port: front ?? address.port,
      key: 'KEY',
      falKey: 'local:secret',
      bundles: makeCaBundles(original, { ca: ca.cert, dir }).files,
      preloadPath: join(import.meta.dirname, '../../../emulator/cli/preload.cjs'),
    });
const clients: SessionResult['clients'] = {};
for (const [name, argv] of Object.entries(spec.clients)) clients[name] = await run(argv, environment);
await port.close();
rmSync(dir, { recursive: true });
process.stdout.write(JSON.stringify({ clients, arrivals: stub.arrivals, left, log } satisfies SessionResult), () =>
  process.exit(0),
);

function run([command = '', ...args]: string[], env: NodeJS.ProcessEnv): Promise<SessionResult['clients'][string]> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: CLIENT_TIMEOUT_MS });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** A proxy before the port that says yes to a CONNECT for a host that is down and then hangs up. */
async function startFront(behind: number, down: string[]): Promise<number> {
  const server = createServer((client) => {
    client.once('data', (first: Buffer) => {
      const host = /^CONNECT ([^:]+):/.exec(first.toString('latin1'))?.[1] ?? '';
      client.on('error', () => undefined);
      if (down.includes(host)) {
        client.end('HTTP/1.1 200 Connection established\r\n\r\n');
        return;
      }
      const inner = connect(behind, '127.0.0.1');
      inner.on('error', () => client.destroy());
      inner.write(first);
      inner.pipe(client).pipe(inner);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
