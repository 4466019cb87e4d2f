import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { WindtunnelError } from '../../contract/index.ts';
import type { Clock } from '../../core/clock.ts';
import type { Connections } from './connections.ts';
import type { PortLimits } from './limits.ts';

export interface Http1Handlers {
  onRequest(request: IncomingMessage, response: ServerResponse): void;
  onUpgrade(request: IncomingMessage, stream: Duplex, head: Buffer): void;
  onConnect(request: IncomingMessage, stream: Duplex, head: Buffer): void;
}

export interface Http1 {
  serve(stream: Duplex): void;
  close(): void;
}

/** HTTP/1.1 over streams that something else accepted: limits, deadlines and answers to what is not HTTP. */
export function createHttp1(
  handlers: Http1Handlers,
  options: { limits: PortLimits; clock: Clock; connections: Connections },
): Http1 {
  const { limits, clock, connections } = options;
  const server = createServer({
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersMs,
    requestTimeout: 0, // uploads and long inputs: a body has an idle limit instead
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: Math.min(1000, limits.headersMs),
  });
  server.timeout = 0;
  // The checker of header deadlines starts with 'listening', and this server never listens.
  server.emit('listening');
  server.on('request', (request, response) => {
    watchBody(request, response, limits.bodyIdleMs, clock);
    handlers.onRequest(request, response);
  });
  server.on('checkContinue', (request, response) => {
    response.writeContinue();
    server.emit('request', request, response);
  });
  server.on('upgrade', (request, stream, head) => {
    if (isWebSocket(request)) handlers.onUpgrade(request, stream, head);
    else serveWithoutUpgrade(request, stream, head);
  });
  // curl and Java offer `Upgrade: h2c` on plain requests, to be ignored (RFC 9110 7.8). Node before 24.9 can't be told so
  // (shouldUpgradeCallback): the request goes in again without the offer.
  function serveWithoutUpgrade(request: IncomingMessage, stream: Duplex, rest: Buffer): void {
    const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`];
    for (let i = 0; i < request.rawHeaders.length; i += 2) {
      const name = request.rawHeaders[i] ?? '';
      if (!/^(upgrade|http2-settings)$/i.test(name)) lines.push(`${name}: ${request.rawHeaders[i + 1]}`);
    }
    stream.unshift(Buffer.concat([Buffer.from([...lines, '', ''].join('\r\n'), 'latin1'), rest]));
    server.emit('connection', stream);
  }
  server.on('connect', handlers.onConnect);
  server.on('clientError', (error: NodeJS.ErrnoException, stream) => {
    if (error.code === 'ECONNRESET') stream.destroy();
    else connections.finish(stream, refusal(error.code, limits));
  });
  return {
    serve: (stream) => void server.emit('connection', asSocket(stream)),
    close: () => void server.close(),
  };
}

/** A complete answer without a body, for a stream that has no ServerResponse. */
export function head1(status: string, headers: readonly string[] = []): string {
  return [`HTTP/1.1 ${status}`, ...headers, 'Content-Length: 0', 'Connection: close', '', ''].join('\r\n');
}

/** Answers with an error in the shape that fal's clients read (`detail`), plus our code and hint. */
export function answerError(response: ServerResponse, status: number, error: WindtunnelError): void {
  const detail = error.hint === undefined ? error.message : `${error.message} ${error.hint}`;
  const headers = { 'content-type': 'application/json', 'x-windtunnel-error': error.code, connection: 'close' };
  response.writeHead(status, headers);
  response.end(JSON.stringify({ detail, error: error.toJSON() }));
}

function isWebSocket(request: IncomingMessage): boolean {
  return request.headers.upgrade?.toLowerCase() === 'websocket';
}

/** The answer to what the parser did not take, in the shape of `answerError`. */
function refusal(code: string | undefined, { headerBytes, headersMs }: PortLimits): string {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return answer1('431 Request Header Fields Too Large', 'E_LIMIT', `The headers are over ${headerBytes} bytes.`);
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return answer1('408 Request Timeout', 'E_LIMIT', `The headers did not come within ${headersMs / 1000} s.`);
    default:
      return answer1('400 Bad Request', 'E_BAD_REQUEST', 'This is not a request of HTTP/1.1.');
  }
}

function answer1(status: string, code: 'E_LIMIT' | 'E_BAD_REQUEST', message: string): string {
  const body = JSON.stringify({ detail: message, error: new WindtunnelError(code, message).toJSON() });
  const head = [
    `HTTP/1.1 ${status}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `X-Windtunnel-Error: ${code}`,
    'Connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}

function watchBody(request: IncomingMessage, response: ServerResponse, idleMs: number, clock: Clock): void {
  const length = request.headers['content-length'];
  if (request.headers['transfer-encoding'] === undefined && (length === undefined || length === '0')) return;
  // A plain Duplex (a tunnel's) does not count; its owner watches over it.
  if (typeof request.socket.bytesRead !== 'number') return;
  let before = request.socket.bytesRead;
  const check = clock.setInterval(() => {
    if (request.complete || request.destroyed) return check.cancel();
    const now = request.socket.bytesRead;
    // Nothing came, and not because the handler leaves unread what has come.
    const idle = now === before && request.readableLength === 0;
    before = now;
    if (!idle) return;
    check.cancel();
    if (response.headersSent) request.destroy();
    else response.writeHead(408, { connection: 'close' }).end(() => request.destroy());
  }, idleMs);
  request.once('close', () => check.cancel());
}

// What node:http calls on a connection and a plain Duplex (a tunnel over a runner's link) lacks. Their owner keeps their time.
function asSocket(stream: Duplex): Duplex {
  if ('setTimeout' in stream) return stream;
  const self = () => stream;
  return Object.assign(stream, { setTimeout: self, setNoDelay: self, setKeepAlive: self, ref: self, unref: self });
}
