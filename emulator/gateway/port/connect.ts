import { request as httpRequest, type IncomingMessage, type RequestOptions, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { toWindtunnelError } from '../../contract/index.ts';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { ConnectionContext, Connections } from './connections.ts';
import { isFalHost, isLoopbackHost, parseHostPort } from './hosts.ts';
import { head1 } from './http1.ts';
import type { PortLimits } from './limits.ts';
import { dial, dialThrough, type ExecGrant, type Target, type UpstreamProxy } from './upstream.ts';

export interface ProxyOptions {
  limits: PortLimits;
  clock: Clock;
  log: Log;
  connections: Connections;
  authorizeProxy(user: string, password: string): ExecGrant | null;
  isOwnPort(port: number): boolean;
  /** Takes a stream whose CONNECT was for a host that is served here. */
  adopt(stream: Duplex, context: ConnectionContext): void;
}

/** The proxy's side of the port: CONNECT, and requests in absolute form for hosts that are not ours. */
export interface Proxy {
  connect(request: IncomingMessage, stream: Duplex, head: Buffer): void;
  forward(request: IncomingMessage, response: ServerResponse, url: URL): void;
  /** The grant whose credentials a request carries; null without valid ones. Removes them from the request. */
  takeGrant(request: IncomingMessage): ExecGrant | null;
}

const CHALLENGE = 'Basic realm="windtunnel"';
const ESTABLISHED = 'HTTP/1.1 200 Connection established\r\n\r\n';
// RFC 9110 7.6.1, and the non-standard Proxy-Connection.
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

export function createProxy(options: ProxyOptions): Proxy {
  const { limits, clock, log, connections } = options;
  const dialing = { clock, timeoutMs: limits.dialMs };

  function takeGrant(request: IncomingMessage): ExecGrant | null {
    const sent = request.headers['proxy-authorization'];
    if (sent === undefined) return null;
    delete request.headers['proxy-authorization'];
    const at = request.rawHeaders.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === 'proxy-authorization');
    if (at >= 0) request.rawHeaders.splice(at, 2);
    const encoded = /^Basic +(\S+)$/i.exec(sent)?.[1];
    if (encoded === undefined) return null;
    const [user = '', ...password] = Buffer.from(encoded, 'base64').toString('utf8').split(':');
    return options.authorizeProxy(user, password.join(':'));
  }

  function routeOf(grant: ExecGrant, target: Target): UpstreamProxy | null {
    const proxy = grant.route(target);
    // A proxy variable copied from an exec shell leads back here: going through it would never end.
    return proxy !== null && isLoopbackHost(proxy.host) && options.isOwnPort(proxy.port) ? null : proxy;
  }

  function connect(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const context = connections.context(stream);
    const target = parseHostPort(request.url ?? '');
    const grant = takeGrant(request);
    // Other machines are served here, but not led on to others.
    if (context.via === 'tunnel' || context.remote) {
      connections.finish(stream, head1('405 Method Not Allowed'));
    } else if (target === null || target.port === null) {
      connections.finish(stream, head1('400 Bad Request'));
    } else if (isFalHost(target.host) || (isLoopbackHost(target.host) && options.isOwnPort(target.port))) {
      // No key is asked for here: the request inside carries its own.
      stream.write(ESTABLISHED);
      if (head.length > 0) stream.unshift(head);
      options.adopt(stream, {
        via: 'connect',
        tls: false,
        connectHost: target.host,
        connectPort: target.port,
        ...(grant === null ? {} : { grant }),
      });
    } else if (grant === null) {
      log.info('CONNECT refused: no valid exec key', { host: target.host });
      connections.finish(stream, head1('407 Proxy Authentication Required', [`Proxy-Authenticate: ${CHALLENGE}`]));
    } else {
      void leave(grant, { host: target.host, port: target.port, scheme: 'https' }, stream, head);
    }
  }

  async function leave(grant: ExecGrant, target: Target, stream: Duplex, head: Buffer): Promise<void> {
    const { host, port } = target;
    const proxy = routeOf(grant, target);
    let outside: Socket;
    try {
      outside = proxy === null ? await dial(host, port, dialing) : await dialThrough(proxy, host, port, dialing);
    } catch (error) {
      log.warn('CONNECT failed', { host, port, error: toWindtunnelError(error).message });
      connections.finish(stream, head1('502 Bad Gateway'));
      return;
    }
    if (stream.destroyed) {
      outside.destroy();
      return;
    }
    connections.own(outside, connections.context(stream));
    stream.write(ESTABLISHED);
    if (head.length > 0) outside.write(head);
    join(stream, outside);
  }

  /** Pipes both ways; each direction may end by itself, a dead side ends the other. */
  function join(inside: Duplex, outside: Socket): void {
    let moved = true;
    const touch = () => {
      moved = true;
    };
    const idle = clock.setInterval(() => {
      if (!moved) inside.destroy();
      moved = false;
    }, limits.tunnelIdleMs);
    inside.on('data', touch);
    outside.on('data', touch);
    inside.pipe(outside);
    outside.pipe(inside);
    const end = () => {
      idle.cancel();
      inside.destroy();
      outside.destroy();
    };
    inside.once('close', end);
    outside.once('close', end);
  }

  function forward(request: IncomingMessage, response: ServerResponse, url: URL): void {
    const grant = takeGrant(request);
    if (grant === null) {
      response.writeHead(407, { 'proxy-authenticate': CHALLENGE, 'content-length': 0 }).end();
      return;
    }
    const host = url.hostname.replace(/^\[|\]$/g, '');
    const proxy = routeOf(grant, { host, port: url.port === '' ? 80 : Number(url.port), scheme: 'http' });
    const headers: Record<string, string | string[] | undefined> = { ...request.headers, host: url.host };
    for (const name of HOP_BY_HOP) delete headers[name];
    // Without it Node writes the body of a GET or DELETE as it is, and the server takes it for the next request.
    if (request.headers['transfer-encoding'] !== undefined) headers['transfer-encoding'] = 'chunked';
    const outgoing: RequestOptions =
      proxy === null
        ? { host, port: url.port || 80, path: url.pathname + url.search }
        : { host: proxy.host, port: proxy.port, path: url.href };
    if (proxy?.authorization) headers['proxy-authorization'] = proxy.authorization;
    const out = httpRequest({ ...outgoing, method: request.method ?? 'GET', headers }, (answer) => {
      const { connection: _, 'transfer-encoding': __, ...kept } = answer.headers;
      response.writeHead(answer.statusCode ?? 502, kept);
      answer.pipe(response);
      answer.once('error', () => response.destroy());
    });
    const deadline = clock.setTimeout(() => out.destroy(new Error('no answer in time')), limits.tunnelIdleMs);
    out.once('response', () => deadline.cancel());
    out.on('error', (error) => {
      deadline.cancel();
      if (response.headersSent) return void response.destroy();
      log.warn('A proxied request failed', { host: url.host, error: error.message });
      response.writeHead(502, { 'content-type': 'text/plain' }).end(`${url.host} cannot be reached\n`);
    });
    response.once('close', () => out.destroy());
    request.pipe(out);
  }

  return { connect, forward, takeGrant };
}
