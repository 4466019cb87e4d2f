import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { type ErrorType, WindtunnelError } from '../../contract/index.ts';
import type { Lease } from '../../fleet/fleet.ts';
import type { Caller } from '../access/access.ts';
import { resolveApp } from '../apps.ts';
import type { GatewayDeps } from '../deps.ts';
import { parseEndpointPath } from '../endpoint-id.ts';
import { badRequest, failureBody, failureHeaders, type HttpFailure, notEmulated, toFailure } from '../failure.ts';
import { forRunner } from '../headers.ts';
import type { FidelityNotices } from '../notices.ts';
import type { Route } from '../route.ts';
import { serveHttpOverWs } from '../ws/http-over-ws.ts';
import { whenGone } from './client-gone.ts';
import { withoutToken } from './query.ts';
import { type ResponseHead, readHead } from './response-head.ts';
import { abortType, connectionErrorType, runnerFailure } from './runner-errors.ts';
import type { UpgradeCall } from './upgrade-call.ts';

/**
 * A WebSocket to an app: takes a slot, then passes the bytes both ways, handshake included, so that frames, compression and
 * close codes are the app's own. `enter` applies the access rules.
 */
export async function serveRealtime(
  call: UpgradeCall,
  deps: GatewayDeps,
  notices: FidelityNotices,
  enter: () => { route: Route; caller: Caller },
): Promise<void> {
  try {
    const { route, caller } = enter();
    if (route.service !== 'run' && route.service !== 'ws') {
      throw notEmulated(`A WebSocket to ${route.host} (${route.service})`);
    }
    const id = parseEndpointPath(route.path);
    if (id === null) throw badRequest('The path names no app.', 'Use /<owner>/<app>/realtime.');
    const app = resolveApp(deps.fleet.apps, id);
    if (caller.badToken) {
      refuseToken(call);
      return;
    }
    if (route.service === 'ws') {
      serveHttpOverWs(call, deps, notices, { app, path: id.path, route });
      return;
    }
    const waiting = new AbortController();
    const unwatch = whenGone(call.socket, () =>
      waiting.abort(new WindtunnelError('E_CANCELLED', 'The client went away.')),
    );
    const hint = call.req.headers['x-fal-runner-hint'];
    const lease = await deps.fleet.direct
      .lease(app, { path: id.path, hint: typeof hint === 'string' ? hint : null, signal: waiting.signal })
      .finally(unwatch);
    await tunnel(call, lease, id.path + withoutToken(route.query));
  } catch (thrown) {
    const failure = toFailure(thrown);
    notices.tell(failure);
    if (failure.error.kind === 'system') deps.log.error('a websocket failed', { error: failure.error.stack ?? '' });
    answerFailure(call.socket, failure);
  }
}

async function tunnel(call: UpgradeCall, lease: Lease, path: string): Promise<void> {
  const { req, socket, head } = call;
  let upstream: Duplex | null = null;
  let status: number | null = null;
  const onAbort = (): void => {
    socket.destroy();
    upstream?.destroy();
  };
  lease.signal.addEventListener('abort', onAbort);
  let error: ErrorType | undefined;
  let gone = false;
  // The app may think long before it accepts.
  const unwatch = whenGone(socket, () => {
    gone = true;
    upstream?.destroy();
  });
  try {
    upstream = await lease.connect();
    upstream.on('error', onAbort);
    if (gone) {
      error = 'client_disconnected';
      return;
    }
    upstream.write(handshake(req, lease, path));
    if (head.length > 0) upstream.write(head);
    const answer = await readHead(upstream);
    unwatch();
    status = answer.status;
    const firstLine = answer.head.indexOf('\r\n');
    socket.write(
      `${answer.head.slice(0, firstLine)}\r\nx-fal-request-id: ${lease.requestId}${answer.head.slice(firstLine)}`,
      'latin1',
    );
    if (answer.rest.length > 0) socket.write(answer.rest);
    await (status === 101 ? joined(socket, upstream) : answered(socket, upstream, answer));
  } catch (thrown) {
    if (gone) {
      error = 'client_disconnected';
      return;
    }
    const cause = thrown instanceof Error ? thrown : new Error(String(thrown));
    error = lease.signal.aborted ? abortType(lease.signal.reason) : connectionErrorType(cause, false);
    if (status === null) throw runnerFailure(error);
    socket.destroy();
  } finally {
    unwatch();
    if (gone) socket.destroy();
    upstream?.destroy();
    lease.signal.removeEventListener('abort', onAbort);
    lease.release({ status, ...(error === undefined ? {} : { error }) });
  }
}

/** Passes bytes both ways until both ends are closed. */
function joined(socket: Duplex, upstream: Duplex): Promise<void> {
  return new Promise((resolve) => {
    let open = 2;
    const onClose = (other: Duplex) => (): void => {
      other.destroy();
      open -= 1;
      if (open === 0) resolve();
    };
    socket.once('close', onClose(upstream));
    upstream.once('close', onClose(socket));
    socket.pipe(upstream);
    upstream.pipe(socket);
    if (socket.destroyed) upstream.destroy();
    if (upstream.destroyed) socket.destroy();
  });
}

/**
 * Passes the rest of an answer that refuses the handshake. Not a byte of the client's goes on: what it sends now would be a
 * request to the runner that no rule has looked at.
 */
function answered(socket: Duplex, upstream: Duplex, { head, rest }: ResponseHead): Promise<void> {
  const length = /^content-length: *(\d+)/im.exec(head)?.[1];
  // Of unknown length: it ends with the connection.
  let left = length === undefined ? Number.POSITIVE_INFINITY : Number(length) - rest.length;
  return new Promise((resolve) => {
    const end = (): void => {
      upstream.destroy();
      socket.end();
      resolve();
    };
    socket.resume();
    socket.once('close', end);
    upstream.once('close', end);
    if (left <= 0) return end();
    upstream.pipe(socket, { end: false });
    upstream.on('data', (chunk: Buffer) => {
      left -= chunk.length;
      if (left <= 0) end();
    });
  });
}

function handshake(req: IncomingMessage, lease: Lease, path: string): string {
  const lines = [`GET ${path} HTTP/1.1`, 'host: runner', 'connection: Upgrade', 'upgrade: websocket'];
  for (const [name, value] of [...forRunner(req.rawHeaders), ...lease.headers]) lines.push(`${name}: ${value}`);
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** fal takes the connection of a bad token and says so in a frame: a browser could not read a refused handshake. */
function refuseToken({ req, socket, head }: UpgradeCall): void {
  const server = new WebSocketServer({ noServer: true });
  server.handleUpgrade(req, socket, head, (connection) => {
    connection.send(JSON.stringify({ status: 'error', error: 'Unauthorized' }));
    connection.close(1000);
  });
}

function answerFailure(socket: Duplex, failure: HttpFailure): void {
  if (socket.destroyed || !socket.writable) return;
  const { status } = failure;
  const body = JSON.stringify(failureBody(failure));
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}`,
      'content-type: application/json',
      `content-length: ${Buffer.byteLength(body)}`,
      ...failureHeaders(failure).map(([name, value]) => `${name}: ${value}`),
      'connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}
