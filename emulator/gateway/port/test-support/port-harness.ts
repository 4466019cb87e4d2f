import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import type { Clock } from '../../../core/clock.ts';
import { systemClock } from '../../../core/clock.ts';
import { createLog } from '../../../core/log.ts';
import { CA_SCOPE, issueLeaves } from '../ca-store.ts';
import { createPort, type Port, type PortOptions } from '../port.ts';
import { makeCa } from '../x509.ts';

const DAY = 86_400_000;
// Certificates are checked by real clients, on real time.
const ca = makeCa(CA_SCOPE, { from: systemClock.now() - DAY, until: systemClock.now() + 1000 * DAY });
const leaves = issueLeaves(ca, systemClock);

/** The CA that every test port's certificate is signed by. */
export const TEST_CA = ca;

export interface TestPort {
  port: Port;
  number: number;
  /** Messages of the port's log. */
  logged: string[];
}

/** A port whose handler answers with what it saw, as JSON; `/files/x` and any other path alike. Key: `KEY`. */
export async function startTestPort(
  options: Partial<PortOptions> & { clock?: Clock } = {},
  wanted = 0,
): Promise<TestPort> {
  const logged: string[] = [];
  const port = createPort({
    leaves,
    clock: systemClock,
    log: createLog((severity, _tag, message) => {
      if (severity === 'error') throw new Error(`the port logged an error: ${message}`);
      logged.push(message);
    }),
    onRequest: (request, response, context) => {
      let bytes = 0;
      request.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      request.on('end', () => {
        const { grant, ...seen } = context;
        const proxyHeaders = request.rawHeaders.filter((name) => /^proxy-/i.test(name));
        const answer = {
          path: request.url,
          host: request.headers.host,
          bytes,
          proxyHeaders,
          grant: grant?.id,
          ...seen,
        };
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify(answer));
      });
    },
    onUpgrade: (_request, stream) => void stream.end('HTTP/1.1 101 Switching Protocols\r\n\r\n'),
    authorizeProxy: (_user, password) => (password === 'KEY' ? { id: 'exec-1', route: () => null } : null),
    ...options,
  });
  const { port: number } = await port.listen(wanted);
  return { port, number, logged };
}

/** How a connection ended and what came before. */
export interface Outcome {
  text: string;
  end: 'fin' | 'reset';
}

/** Opens a TCP connection to the port. That it is reset, or written to when it is, is what many a test is about. */
export function open(number: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: number, host: '127.0.0.1', allowHalfOpen: true });
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.off('error', reject).on('error', () => undefined);
      resolve(socket);
    });
  });
}

/** TLS over a connected stream, or the error that the handshake ended with. */
export function secure(stream: Duplex, options: ConnectionOptions = {}): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const inner = connectTls({ socket: stream, ca: ca.cert, ...options }, () => resolve(inner));
    inner.once('error', reject);
    inner.once('close', () => reject(new Error('closed during the handshake')));
  });
}

/** Everything that comes until the peer ends the stream. */
export function drain(stream: Duplex): Promise<Outcome> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let end: Outcome['end'] = 'fin';
    const finish = () => resolve({ text: Buffer.concat(chunks).toString('latin1'), end });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.once('end', () => stream.destroy());
    stream.once('error', () => {
      end = 'reset';
    });
    stream.once('close', finish);
    stream.resume();
  });
}

/** Sends bytes on a new connection and returns what comes back until it ends. */
export async function exchange(number: number, bytes: string | Buffer, end: 'fin' | 'stay' = 'stay'): Promise<Outcome> {
  const socket = await open(number);
  if (bytes.length > 0) socket.write(bytes as Buffer);
  if (end === 'fin') socket.end();
  return drain(socket);
}

/** Waits for the answer's head to a CONNECT that was just sent; the stream is paused behind it. */
export function readHead(stream: Duplex): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (!text.includes('\r\n\r\n')) return;
      stream.off('data', onData).off('close', onClose);
      stream.pause();
      resolve(text);
    };
    const onClose = () => reject(new Error(`closed after ${JSON.stringify(text)}`));
    stream.on('data', onData).once('close', onClose);
    stream.resume();
  });
}

export function connectRequest(target: string, headers: readonly string[] = []): string {
  return [`CONNECT ${target} HTTP/1.1`, `Host: ${target}`, ...headers, '', ''].join('\r\n');
}

export function getRequest(host: string, path = '/seen', headers: readonly string[] = []): string {
  return [`GET ${path} HTTP/1.1`, `Host: ${host}`, 'Connection: close', ...headers, '', ''].join('\r\n');
}

export function basic(user: string, password: string): string {
  return `Proxy-Authorization: Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/** A TCP server on a free loopback port. */
export async function listenTcp(onSocket: (socket: Socket) => void): Promise<{ server: Server; number: number }> {
  const server = createServer({ allowHalfOpen: true }, onSocket);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, number: (server.address() as AddressInfo).port };
}

/** Waits, turn by turn of the event loop, until something holds. The test's own time limit ends it. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}
