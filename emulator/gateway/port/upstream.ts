import { connect, type Socket } from 'node:net';
import { WindtunnelError } from '../../contract/index.ts';
import type { Clock } from '../../core/clock.ts';
import { parseNoProxy } from './no-proxy.ts';

/** A company proxy: plain http, with its ready Proxy-Authorization value or null. */
export interface UpstreamProxy {
  host: string;
  port: number;
  authorization: string | null;
}

export interface Target {
  host: string;
  port: number;
  scheme: 'http' | 'https';
}

/** The proxy through which a target is reached, null for a direct connection. */
export type Route = (target: Target) => UpstreamProxy | null;

/** What one exec key allows: to leave through the port, on the route of the shell that `exec` was started from. */
export interface ExecGrant {
  readonly id: string;
  readonly route: Route;
}

export const directRoute: Route = () => null;

/**
 * The route that the proxy variables of an environment describe; pass the original one, not exec's. Throws E_UPSTREAM_PROXY
 * for a proxy that is not `http://` with Basic credentials or none.
 */
export function routeFromEnv(env: Readonly<Record<string, string | undefined>>): Route {
  const read = (name: string) => env[name.toLowerCase()] || env[name] || undefined;
  const proxy = (name: string) => {
    const value = read(name);
    return value === undefined ? null : parseUpstream(value, name);
  };
  const all = proxy('ALL_PROXY');
  const https = proxy('HTTPS_PROXY') ?? all;
  const http = proxy('HTTP_PROXY') ?? all;
  const direct = parseNoProxy(read('NO_PROXY') ?? '');
  return (target) => {
    if (direct.matches(target.host, target.port)) return null;
    return target.scheme === 'https' ? https : http;
  };
}

/** Parses a proxy variable; `variable` is for the message. Throws E_UPSTREAM_PROXY. */
export function parseUpstream(value: string, variable: string): UpstreamProxy {
  const text = value.trim();
  // curl and Python read a value without a scheme as http.
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const scheme = withScheme.slice(0, withScheme.indexOf(':')).toLowerCase();
  const hint = `Set ${variable} to an http:// proxy, or unset it for this command.`;
  if (scheme !== 'http') {
    throw new WindtunnelError(
      'E_UPSTREAM_PROXY',
      `${variable} names a ${scheme}:// proxy; only http:// is supported.`,
      {
        hint,
      },
    );
  }
  try {
    const url = new URL(withScheme);
    const user = decodeURIComponent(url.username);
    const password = decodeURIComponent(url.password);
    const credentials = Buffer.from(`${user}:${password}`).toString('base64');
    return {
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? 80 : Number(url.port),
      authorization: user === '' && password === '' ? null : `Basic ${credentials}`,
    };
  } catch (cause) {
    // The value itself may hold a password and is not repeated here.
    throw new WindtunnelError('E_UPSTREAM_PROXY', `${variable} is not a proxy URL.`, { hint, cause });
  }
}

export interface DialOptions {
  clock: Clock;
  /** ms for the connection and, through a proxy, its answer. */
  timeoutMs: number;
}

/** Opens a TCP connection. Rejects with the system's error, or after `timeoutMs`. */
export function dial(host: string, port: number, { clock, timeoutMs }: DialOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, allowHalfOpen: true, noDelay: true });
    const timer = clock.setTimeout(
      () => socket.destroy(new Error(`no connection to ${host}:${port} within ${timeoutMs} ms`)),
      timeoutMs,
    );
    const onError = (error: Error) => {
      timer.cancel();
      reject(error);
    };
    socket.once('error', onError);
    socket.once('connect', () => {
      timer.cancel();
      socket.off('error', onError);
      resolve(socket);
    });
  });
}

const MAX_PROXY_REPLY = 16 * 1024;

/** Opens a tunnel to `host:port` through a company proxy. Rejects with E_UPSTREAM_PROXY when it does not answer 200. */
export async function dialThrough(
  proxy: UpstreamProxy,
  host: string,
  port: number,
  options: DialOptions,
): Promise<Socket> {
  const where = `${proxy.host}:${proxy.port}`;
  const socket = await dial(proxy.host, proxy.port, options);
  const authority = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const credentials = proxy.authorization === null ? '' : `Proxy-Authorization: ${proxy.authorization}\r\n`;
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${credentials}\r\n`);
  try {
    await tunnelReply(socket, where, options);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

function tunnelReply(socket: Socket, where: string, { clock, timeoutMs }: DialOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    let reply = Buffer.alloc(0);
    const settle = (problem: string | null, cause?: unknown) => {
      timer.cancel();
      socket.off('data', onData).off('end', onEnd).off('error', onError);
      socket.pause();
      if (problem === null) resolve();
      else reject(new WindtunnelError('E_UPSTREAM_PROXY', `The company proxy ${where} ${problem}.`, { cause }));
    };
    const onData = (chunk: Buffer) => {
      reply = Buffer.concat([reply, chunk]);
      const end = reply.indexOf('\r\n\r\n');
      if (end < 0) {
        if (reply.length > MAX_PROXY_REPLY) settle('sent no end of headers');
        return;
      }
      const status = reply.subarray(0, reply.indexOf('\r\n')).toString('latin1');
      if (!/^HTTP\/1\.[01] 2\d\d/.test(status)) return settle(`answered "${status}"`);
      settle(null);
      if (reply.length > end + 4) socket.unshift(reply.subarray(end + 4));
    };
    const onEnd = () => settle('closed the connection');
    const onError = (error: Error) => settle('failed', error);
    const timer = clock.setTimeout(() => settle(`did not answer within ${timeoutMs} ms`), timeoutMs);
    socket.on('data', onData).once('end', onEnd).once('error', onError);
  });
}
