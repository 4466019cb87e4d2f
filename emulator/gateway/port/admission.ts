import type { IncomingMessage } from 'node:http';
import { WindtunnelError } from '../../contract/index.ts';
import type { ConnectionContext } from './connections.ts';
import { isFalHost, isLoopbackHost, parseHostPort } from './hosts.ts';

const TLS_PORT = 443;

/** What the port does with a request: serve it, pass it on to another host as a proxy would, or refuse it. */
export type Admission =
  | { kind: 'serve'; context: ConnectionContext }
  | { kind: 'forward'; url: URL }
  | { kind: 'refuse'; status: number; error: WindtunnelError };

/**
 * Checks the host that a request names against the connection that it came on. An absolute-form request for a host that is
 * served here is changed in place to what a direct one looks like. `isOwnPort` tells our own loopback port from others.
 */
export function admit(
  request: IncomingMessage,
  context: ConnectionContext,
  isOwnPort: (port: number) => boolean,
): Admission {
  const target = request.url ?? '';
  if (context.remote) return admitRemote(request, target, context, context.remote);
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(target)) return admitAbsolute(request, target, context, isOwnPort);
  if (!target.startsWith('/')) return refuse(400, 'E_BAD_REQUEST', 'The request target is not a path.');
  const named = parseHostPort(request.headers.host ?? '');
  if (named === null) return refuse(400, 'E_BAD_REQUEST', 'The Host header is missing or malformed.');
  if (!isFalHost(named.host) && !isLoopbackHost(named.host)) {
    return refuse(421, 'E_FOREIGN_HOST', `The Host header names ${named.host}, which is not served here.`);
  }
  return context.via === 'tunnel' ? admitTunnelled(target, named.host, context) : { kind: 'serve', context };
}

/** Another machine reaches what is served here, and nothing through it. */
function admitRemote(
  request: IncomingMessage,
  target: string,
  context: ConnectionContext,
  names: ReadonlySet<string>,
): Admission {
  if (!target.startsWith('/')) return refuse(403, 'E_FOREIGN_HOST', 'The port is no proxy for other machines.');
  const named = parseHostPort(request.headers.host ?? '');
  if (named !== null && names.has(named.host)) return { kind: 'serve', context };
  return refuse(421, 'E_FOREIGN_HOST', `The Host header names ${named?.host ?? 'no host'}, which is not served here.`);
}

function admitAbsolute(
  request: IncomingMessage,
  target: string,
  context: ConnectionContext,
  isOwnPort: (port: number) => boolean,
): Admission {
  if (context.via === 'tunnel')
    return refuse(421, 'E_FOREIGN_HOST', 'A tunnel carries requests for its own target only.');
  if (!URL.canParse(target)) return refuse(400, 'E_BAD_REQUEST', 'The request target is not a URL.');
  const url = new URL(target);
  if (url.protocol !== 'http:' && url.protocol !== 'ws:') {
    return refuse(400, 'E_BAD_REQUEST', `The port is no proxy for ${url.protocol} URLs; use CONNECT.`);
  }
  const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  const ours = isFalHost(host) || (isLoopbackHost(host) && isOwnPort(url.port === '' ? 80 : Number(url.port)));
  if (!ours) return { kind: 'forward', url };
  request.url = url.pathname + url.search;
  request.headers.host = url.host;
  return { kind: 'serve', context: { ...context, via: 'absolute' } };
}

function admitTunnelled(path: string, host: string, context: ConnectionContext): Admission {
  const target = context.connectHost;
  if ((context.sni !== undefined && context.sni !== target) || host !== target) {
    return refuse(421, 'E_FOREIGN_HOST', `The tunnel was opened for ${target}, not for ${context.sni ?? host}.`);
  }
  // The URL parser resolves dot segments, encoded ones too: /files/%2e%2e/x is /x here.
  if (context.connectPort !== TLS_PORT && !new URL(path, 'http://localhost').pathname.startsWith('/files/')) {
    return refuse(403, 'E_TUNNEL_TARGET', "An app reaches only /files/ at the emulator's own address.");
  }
  return { kind: 'serve', context };
}

/** Whether an app may open a tunnel to this target: fal's hosts on 443, or the emulator's own address for its files. */
export function tunnelTarget(
  target: string,
  isOwnPort: (port: number) => boolean,
): { host: string; port: number; tls: boolean } | null {
  const named = parseHostPort(target);
  if (named === null || named.port === null) return null;
  if (isFalHost(named.host) && named.port === TLS_PORT) return { host: named.host, port: named.port, tls: true };
  if (isLoopbackHost(named.host) && isOwnPort(named.port)) return { host: named.host, port: named.port, tls: false };
  return null;
}

function refuse(
  status: number,
  code: 'E_BAD_REQUEST' | 'E_FOREIGN_HOST' | 'E_TUNNEL_TARGET',
  message: string,
): Admission {
  return { kind: 'refuse', status, error: new WindtunnelError(code, message) };
}
