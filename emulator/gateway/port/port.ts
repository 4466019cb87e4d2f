import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:net';
import type { Duplex } from 'node:stream';
import { WindtunnelError } from '../../contract/index.ts';
import type { Clock } from '../../core/clock.ts';
import type { Disposable } from '../../core/disposable.ts';
import type { Log } from '../../core/log.ts';
import { admit, tunnelTarget } from './admission.ts';
import { createProxy } from './connect.ts';
import { type ConnectionContext, Connections, DIRECT, type RunnerIdentity } from './connections.ts';
import { answerError, createHttp1, head1 } from './http1.ts';
import { DEFAULT_PORT_LIMITS, type PortLimits } from './limits.ts';
import { findPortHolder } from './port-holder.ts';
import { goAway, tlsOnly } from './refuse.ts';
import { classify } from './sniff.ts';
import { createTlsTerminator, type TlsOptions, type TlsTerminator } from './tls.ts';
import type { ExecGrant } from './upstream.ts';
import type { Credentials } from './x509.ts';

export type { ConnectionContext, RunnerIdentity } from './connections.ts';
export type { ExecGrant } from './upstream.ts';

export interface PortOptions {
  /** Server certificates, from `issueLeaves`. */
  leaves: TlsOptions['leaves'];
  clock: Clock;
  log: Log;
  limits?: Partial<PortLimits>;
  /** Every request for a host that is served here, its Host checked, its proxy credentials taken out. */
  onRequest(request: IncomingMessage, response: ServerResponse, context: ConnectionContext): void;
  /** Every WebSocket handshake. The handler owns the stream, which is closed with the port at the latest. */
  onUpgrade(request: IncomingMessage, stream: Duplex, head: Buffer, context: ConnectionContext): void;
  /**
   * A connection that opened with the HTTP/2 preface (gRPC), nothing of it consumed. Without a handler such a client is told
   * so by GOAWAY, or by a TLS alert.
   */
  onHttp2?(stream: Duplex, context: ConnectionContext): void;
  /** The exec session that these proxy credentials belong to; null where they are not valid. */
  authorizeProxy(user: string, password: string): ExecGrant | null;
}

/** Where other machines may call. */
export interface RemoteAddress {
  /** An address of this machine. */
  host: string;
  port: number;
  /** Host names and addresses by which it is called. */
  names: ReadonlySet<string>;
  /** For all of them. */
  leaf: Credentials;
}

export interface PortAddress {
  host: '127.0.0.1';
  port: number;
  /** `http://127.0.0.1:<port>` */
  url: string;
}

/** The one public port: HTTP/1.1, WebSocket, TLS, CONNECT and HTTP/2 on one loopback port, told apart by their first bytes. */
export interface Port extends Disposable {
  /** Binds 127.0.0.1 (and ::1 where it can be had); 0 takes a free port. Rejects with E_PORT_TAKEN. Once only. */
  listen(port: number): Promise<PortAddress>;
  /** Binds another address, where other machines may call: TLS alone. 0 takes a free port. Resolves with the port. */
  listenRemote(address: RemoteAddress): Promise<number>;
  /** Throws before `listen` has resolved. */
  readonly address: PortAddress;
  /** Streams that are open now, decrypted ones counted beside their raw ones. */
  readonly connections: number;
  /** Serves a stream that something else accepted. */
  adopt(stream: Duplex, context: ConnectionContext): void;
  /**
   * Serves a stream that an app opened in its runner to `target` (`host:port`): TLS to a fal host on 443, or plain HTTP to the
   * port's own address for /files/. Any other target destroys the stream and throws E_TUNNEL_TARGET.
   */
  adoptTunnel(stream: Duplex, target: string, identity: RunnerIdentity): void;
  /** Stops listening and cuts every connection. */
  close(): Promise<void>;
}

export function createPort(options: PortOptions): Port {
  const { clock, log } = options;
  const limits = { ...DEFAULT_PORT_LIMITS, ...options.limits };
  const connections = new Connections(clock, log, limits.lingerMs);
  const servers: Server[] = [];
  let bound: PortAddress | null = null;
  const isOwnPort = (port: number) => bound?.port === port;

  const terminator = (leaves: TlsOptions['leaves'], serves?: ReadonlySet<string>) =>
    createTlsTerminator({
      leaves,
      ...(serves ? { serves } : {}),
      clock,
      log,
      handshakeMs: limits.handshakeMs,
      http2: options.onHttp2 ? 'served' : 'refused',
    });
  const terminate = terminator(options.leaves);
  const proxy = createProxy({
    limits,
    clock,
    log,
    connections,
    authorizeProxy: options.authorizeProxy,
    isOwnPort,
    adopt,
  });
  const http1 = createHttp1({ onRequest, onUpgrade, onConnect: proxy.connect }, { limits, clock, connections });

  function onRequest(request: IncomingMessage, response: ServerResponse): void {
    const admission = admit(request, connections.context(request.socket), isOwnPort);
    if (admission.kind === 'forward') proxy.forward(request, response, admission.url);
    else if (admission.kind === 'refuse') answerError(response, admission.status, admission.error);
    else options.onRequest(request, response, granted(request, admission.context));
  }

  function onUpgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void {
    const admission = admit(request, connections.context(stream), isOwnPort);
    if (admission.kind === 'serve') {
      options.onUpgrade(request, stream, head, granted(request, admission.context));
    } else if (admission.kind === 'refuse') {
      connections.finish(stream, head1(`${admission.status} ${admission.error.code}`));
    } else {
      // A proxy's client opens a WebSocket to another host by CONNECT (RFC 6455 4.1), never in absolute form.
      connections.finish(stream, head1('400 Bad Request'));
    }
  }

  function granted(request: IncomingMessage, context: ConnectionContext): ConnectionContext {
    const grant = proxy.takeGrant(request);
    return grant === null ? context : { ...context, grant };
  }

  function adopt(stream: Duplex, context: ConnectionContext, decrypt = terminate): void {
    connections.own(stream, context);
    let seen: Buffer = Buffer.alloc(0);
    const deadline = clock.setTimeout(() => {
      log.debug('no protocol within the first-byte deadline', { bytes: seen.length });
      stop();
      stream.destroy();
    }, limits.firstByteMs);
    const look = () => {
      const chunk: Buffer | null = stream.read();
      if (chunk === null) return;
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      const protocol = classify(seen);
      if (protocol === 'more') return;
      stop();
      if (protocol === 'reject') {
        log.debug('bytes of no protocol that is served here', { bytes: seen.subarray(0, 8).toString('hex') });
        stream.destroy();
        return;
      }
      stream.unshift(seen);
      route(protocol, stream, context, decrypt);
    };
    const leave = () => {
      stop();
      stream.destroy();
    };
    const stop = () => {
      deadline.cancel();
      stream.off('readable', look).off('end', leave).off('close', leave);
    };
    stream.on('readable', look).once('end', leave).once('close', leave);
  }

  function route(
    protocol: 'tls' | 'http1' | 'http2',
    stream: Duplex,
    context: ConnectionContext,
    decrypt: TlsTerminator,
  ): void {
    const tunnelSpeaks = context.via !== 'tunnel' || context.tls ? null : context.connectPort === 443 ? 'tls' : 'http1';
    if (context.remote && !context.tls && protocol !== 'tls') {
      log.info('Another machine called without TLS', { protocol });
      connections.finish(stream, tlsOnly(protocol));
    } else if (tunnelSpeaks !== null && tunnelSpeaks !== protocol) {
      log.warn('An app spoke another protocol in its tunnel than the target has', {
        protocol,
        host: context.connectHost,
      });
      stream.destroy();
    } else if (protocol === 'http1') {
      http1.serve(stream);
    } else if (protocol === 'http2') {
      serveHttp2(stream, context);
    } else if (context.tls) {
      log.debug('TLS inside TLS without CONNECT');
      stream.destroy();
    } else {
      decrypt(stream, (inner, sni) => adopt(inner, { ...context, tls: true, ...(sni === null ? {} : { sni }) }));
    }
  }

  function serveHttp2(stream: Duplex, context: ConnectionContext): void {
    // Half-open streams and HTTP/2 do not go together: a client that exits would leave CLOSE-WAIT until the idle limit.
    stream.allowHalfOpen = false;
    if (options.onHttp2) {
      options.onHttp2(stream, context);
    } else {
      log.info('HTTP/2 connection refused: gRPC is not served', { host: context.connectHost ?? context.sni });
      connections.finish(stream, goAway('gRPC is not served on this port'));
    }
  }

  async function bind(host: string, port: number, accept = (s: Duplex) => adopt(s, DIRECT)): Promise<number> {
    const server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, accept);
    server.maxConnections = limits.connections;
    server.on('drop', () => log.warn('A connection was dropped: too many are open', { limit: limits.connections }));
    servers.push(server);
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, ipv6Only: host === '::1' }, () => {
        server.off('error', reject);
        server.on('error', (error) => log.error('The public port failed', { error: error.message }));
        const address = server.address();
        resolve(typeof address === 'object' && address !== null ? address.port : port);
      });
    });
  }

  async function listen(wanted: number): Promise<PortAddress> {
    let port: number;
    try {
      port = await bind('127.0.0.1', wanted);
    } catch (cause) {
      throw await bindError(cause, wanted);
    }
    bound = { host: '127.0.0.1', port, url: `http://127.0.0.1:${port}` };
    try {
      // For clients that resolve `localhost` to ::1 and do not try the next address.
      await bind('::1', port);
    } catch (error) {
      log.info('The public port is on 127.0.0.1 alone', { error: error instanceof Error ? error.message : error });
    }
    return bound;
  }

  async function listenRemote({ host, port, names, leaf }: RemoteAddress): Promise<number> {
    const decrypt = terminator({ names: leaf, addresses: leaf }, names);
    const context = { ...DIRECT, remote: names };
    try {
      return await bind(host, port, (s) => adopt(s, context, decrypt));
    } catch (cause) {
      throw await bindError(cause, port, '--listen HOST:PORT');
    }
  }

  async function close(): Promise<void> {
    const closed = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    http1.close();
    connections.destroyAll();
    await Promise.all(closed);
  }

  return {
    listen,
    listenRemote,
    get address() {
      if (bound === null) throw new WindtunnelError('E_INTERNAL', 'The public port has no address before it listens.');
      return bound;
    },
    get connections() {
      return connections.size;
    },
    adopt,
    adoptTunnel(stream, target, identity) {
      const allowed = tunnelTarget(target, isOwnPort);
      if (allowed === null) {
        stream.destroy();
        throw new WindtunnelError(
          'E_TUNNEL_TARGET',
          `${identity.app} asked its tunnel for ${target}, which is not served.`,
        );
      }
      adopt(stream, { ...DIRECT, via: 'tunnel', connectHost: allowed.host, connectPort: allowed.port, identity });
    },
    close,
    dispose: close,
  };
}

async function bindError(cause: unknown, port: number, option = '--port'): Promise<unknown> {
  const code = cause instanceof Error && 'code' in cause ? cause.code : null;
  if (code === 'EADDRINUSE') {
    const holder = await findPortHolder(port);
    return new WindtunnelError('E_PORT_TAKEN', `Port ${port} is used by ${holder ?? 'another program'}.`, {
      hint: `Stop that program, or choose another port with ${option}.`,
      cause,
    });
  }
  if (code === 'EACCES') {
    return new WindtunnelError('E_PORT_TAKEN', `Port ${port} may not be bound by this user.`, {
      hint: `Choose a port over 1023 with ${option}.`,
      cause,
    });
  }
  return cause;
}
