import { connect, type Socket } from 'node:net';

/** Where a server listens: a port, of 127.0.0.1 if not said, or a unix socket. */
export type Address = { port: number; host?: string } | { socket: string };

export interface RawAnswer {
  status: number;
  /** Without the framing of chunks. */
  body: string;
}

const HEAD_END = '\r\n\r\n';

/**
 * One keep-alive HTTP/1.1 connection that writes requests made beforehand, one at a time. A client that costs little: the
 * machine that it loads is the machine that is measured.
 */
export class RawClient {
  private readonly address: Address;
  private socket: Socket | null = null;
  private received = '';
  private waiting: { resolve(answer: RawAnswer): void; reject(error: unknown): void } | null = null;

  constructor(address: Address) {
    this.address = address;
  }

  send(request: Buffer): Promise<RawAnswer> {
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject };
      // A server may close a connection that idles while the other cases have their turn.
      this.socket ??= this.open();
      this.socket.write(request);
    });
  }

  close(): void {
    this.waiting = null;
    this.socket?.destroy();
  }

  private open(): Socket {
    const { address } = this;
    const socket =
      'port' in address ? connect({ host: address.host ?? '127.0.0.1', port: address.port }) : connect(address.socket);
    // latin1 keeps one character a byte, so that lengths can be counted in characters.
    socket.setEncoding('latin1');
    socket.setNoDelay(true);
    socket.on('data', (text: string) => {
      this.received += text;
      this.take();
    });
    socket.on('error', (error) => this.waiting?.reject(error));
    socket.on('close', () => {
      this.socket = null;
      this.waiting?.reject(new Error(`closed within an answer: ${this.received}`));
    });
    return socket;
  }

  private take(): void {
    const headEnd = this.received.indexOf(HEAD_END);
    if (headEnd < 0) return;
    const head = this.received.slice(0, headEnd);
    const start = headEnd + HEAD_END.length;
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    let body: string;
    if (length !== undefined) {
      if (this.received.length < start + Number(length)) return;
      body = this.received.slice(start, start + Number(length));
    } else {
      if (!this.received.endsWith('0\r\n\r\n')) return;
      body = this.received.slice(start).replace(/(?:^|\r\n)[0-9a-f]+\r\n/g, '');
    }
    const { waiting } = this;
    this.received = '';
    this.waiting = null;
    waiting?.resolve({ status: Number(head.slice(9, 12)), body });
  }
}

/** The bytes of a request, its length included. */
export function requestBytes(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body: string | null = null,
): Buffer {
  const lines = [`${method} ${path} HTTP/1.1`, 'host: localhost'];
  for (const [name, value] of Object.entries(headers)) lines.push(`${name}: ${value}`);
  if (body !== null) lines.push('content-type: application/json', `content-length: ${Buffer.byteLength(body)}`);
  return Buffer.from(`${lines.join('\r\n')}${HEAD_END}${body ?? ''}`);
}
