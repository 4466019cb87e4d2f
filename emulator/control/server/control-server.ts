import { createHash, timingSafeEqual } from 'node:crypto';
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { dirname } from 'node:path';
import { type Duplex, pipeline } from 'node:stream';
import { CONTROL_HEADERS, type ErrorKind, toWindtunnelError, VERSION, WindtunnelError } from '../../contract/index.ts';
import type { Disposable } from '../../core/disposable.ts';
import type { Log } from '../../core/log.ts';
import { eventStream } from './event-stream.ts';
import { ownFolder } from './own-folder.ts';

/** One call as its handler sees it. */
export interface ControlCall {
  /** Named groups of the route's pattern, decoded. */
  params: Record<string, string>;
  query: URLSearchParams;
  /** The parsed JSON body, undefined where there was none. */
  body: unknown;
  /** Aborts when the caller went away, or the emulator ends. */
  signal: AbortSignal;
}

const EMULATOR_ENDS = new WindtunnelError('E_CANCELLED', 'The emulator ends.');

/** Whether a call's signal says that its caller went away, and not that the emulator ends under it. */
export const callerLeft = (signal: AbortSignal): boolean => signal.aborted && signal.reason !== EMULATOR_ENDS;

/** Returns the answer, or an async iterable that is sent as server-sent events. */
export type ControlHandler = (call: ControlCall) => Promise<unknown> | AsyncIterable<unknown>;

export interface ControlRoute {
  method: string;
  path: RegExp;
  /** Answers callers of another version too. */
  anyVersion?: boolean;
  handle: ControlHandler;
}

/** A route that turns a connection into a byte stream of another protocol. */
export interface ControlUpgrade {
  path: RegExp;
  protocol: string;
  /** The other end of the stream; a rejection is answered as any call's. */
  open(params: Record<string, string>, signal: AbortSignal): Promise<Duplex>;
}

export interface ControlServerOptions {
  socket: string;
  token: string;
  routes: readonly ControlRoute[];
  upgrades?: readonly ControlUpgrade[];
  log: Log;
}

const MAX_BODY_BYTES = 1024 * 1024;

/** Listens on the unix socket, in a folder that is the user's alone. Rejects when the folder is not. */
export async function startControlServer(options: ControlServerOptions): Promise<Disposable> {
  ownFolder(dirname(options.socket));
  // Only the holder of the workspace's lock comes here: a socket that is there belongs to a dead emulator.
  rmSync(options.socket, { force: true });
  let ending = false;
  const goneBecause = () => (ending ? EMULATOR_ENDS : new WindtunnelError('E_CANCELLED', 'The caller went away.'));
  const server = createServer((request, response) => void answer(options, request, response, goneBecause));
  // Those of debug clients, which the server no longer counts as its own, but waits for.
  const upgraded = new Set<Duplex>();
  server.on('upgrade', (request, socket, head) => {
    upgraded.add(socket);
    socket.once('close', () => upgraded.delete(socket));
    void upgrade(options, request, socket, head);
  });
  try {
    await listen(server, options.socket);
  } catch (error) {
    // Another emulator that ended just now has removed the empty folder.
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    ownFolder(dirname(options.socket));
    await listen(server, options.socket);
  }
  chmodSync(options.socket, 0o600);
  return {
    dispose: async () => {
      ending = true;
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      for (const socket of upgraded) socket.destroy();
      await closed;
      rmSync(options.socket, { force: true });
    },
  };
}

function listen(server: Server, socket: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function answer(
  options: ControlServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
  goneBecause: () => WindtunnelError,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort(goneBecause()));
  try {
    const result = await dispatch(options, request, gone.signal);
    if (isStream(result)) await eventStream(result, response, gone.signal);
    else send(response, 200, result);
  } catch (thrown) {
    const error = toWindtunnelError(thrown);
    if (error.kind === 'system')
      options.log.error('control call failed', { path: request.url?.replace(/\?.*$/s, ''), cause: thrown });
    if (response.headersSent) response.destroy();
    else send(response, statusOf(error), { error: error.toJSON() });
  }
}

async function upgrade(
  options: ControlServerOptions,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  const gone = new AbortController();
  socket.once('close', () => gone.abort(new WindtunnelError('E_CANCELLED', 'The caller went away.')));
  socket.on('error', () => socket.destroy());
  try {
    const url = authenticated(options, request);
    checkVersion(request, false);
    const route = options.upgrades?.find(({ path }) => path.test(url.pathname));
    if (!route || request.headers.upgrade !== route.protocol) {
      throw new WindtunnelError('E_BAD_REQUEST', `The control API has no such stream: ${url.pathname}`);
    }
    const stream = await route.open(paramsOf(route.path, url), gone.signal);
    if (gone.signal.aborted) return void stream.destroy();
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: ${route.protocol}\r\n\r\n`);
    if (head.length > 0) socket.unshift(head);
    pipeline(socket, stream, socket, () => undefined);
  } catch (thrown) {
    const error = toWindtunnelError(thrown);
    const text = JSON.stringify({ error: error.toJSON() });
    const length = Buffer.byteLength(text);
    socket.end(
      `HTTP/1.1 ${statusOf(error)} -\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n${text}`,
    );
  }
}

async function dispatch(
  options: ControlServerOptions,
  request: IncomingMessage,
  signal: AbortSignal,
): Promise<unknown> {
  const url = authenticated(options, request);
  const matching = options.routes.filter((route) => route.path.test(url.pathname));
  const route = matching.find(({ method }) => method === request.method);
  checkVersion(request, route?.anyVersion ?? false);
  if (!route) {
    if (matching.length > 0) throw new WindtunnelError('E_METHOD', `${request.method} is not allowed: ${url.pathname}`);
    throw new WindtunnelError('E_BAD_REQUEST', `The control API has no such path: ${url.pathname}`);
  }
  return route.handle({
    params: paramsOf(route.path, url),
    query: url.searchParams,
    body: await readBody(request),
    signal,
  });
}

/** The call's URL. Throws unless its caller may call at all. */
function authenticated(options: ControlServerOptions, request: IncomingMessage): URL {
  // No browser speaks over a unix socket; one that is led here by some proxy shows itself by this header.
  if (request.headers.origin !== undefined) throw new WindtunnelError('E_FOREIGN_ORIGIN', 'Not for web pages.');
  if (!hasToken(request, options.token)) throw new WindtunnelError('E_UNAUTHORIZED', 'The control token is wrong.');
  return new URL(request.url ?? '/', 'http://control');
}

/** Named groups of a route's pattern, decoded. */
function paramsOf(path: RegExp, url: URL): Record<string, string> {
  const groups = path.exec(url.pathname)?.groups ?? {};
  return Object.fromEntries(Object.entries(groups).map(([name, value]) => [name, decodeURIComponent(value)]));
}

function hasToken(request: IncomingMessage, token: string): boolean {
  const given = createHash('sha256')
    .update(request.headers.authorization ?? '')
    .digest();
  return timingSafeEqual(given, createHash('sha256').update(`Bearer ${token}`).digest());
}

function checkVersion(request: IncomingMessage, anyVersion: boolean): void {
  const theirs = request.headers[CONTROL_HEADERS.version];
  if (anyVersion || theirs === VERSION) return;
  throw new WindtunnelError(
    'E_EMULATOR_VERSION',
    `The running emulator is version ${VERSION}, the caller is ${String(theirs ?? 'unknown')}.`,
    { hint: 'Restart it: `windtunnel down && windtunnel up`.', actions: ['windtunnel down', 'windtunnel up'] },
  );
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw new WindtunnelError('E_LIMIT', 'The body of a control call is over 1 MiB.');
    chunks.push(chunk);
  }
  if (size === 0) return undefined;
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'));
  } catch (cause) {
    throw new WindtunnelError('E_BAD_REQUEST', 'The body of the control call is not JSON.', { cause });
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

const STATUS: Record<ErrorKind, number> = { user: 400, app: 422, fidelity: 501, system: 500, cancelled: 499 };

function statusOf(error: WindtunnelError): number {
  if (error.code === 'E_UNAUTHORIZED') return 401;
  if (error.code === 'E_UNKNOWN_APP' || error.code === 'E_UNKNOWN_REQUEST') return 404;
  return STATUS[error.kind];
}

function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}
