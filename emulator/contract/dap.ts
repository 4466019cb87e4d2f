/** What the relay reads of a Debug Adapter Protocol message. */
export interface DapMessage {
  type?: string;
  event?: string;
  command?: string;
  arguments?: unknown;
  success?: boolean;
  body?: unknown;
}

const HEADER_END = '\r\n\r\n';
/** A header is one short line; more without an end is no DAP. */
const MAX_HEADER_BYTES = 4096;

/** Cuts a stream of the Debug Adapter Protocol into its messages. Bytes that are none give an error once. */
export class DapReader {
  private buffer: Buffer = Buffer.alloc(0);
  private readonly onMessage: (message: DapMessage) => void;

  constructor(onMessage: (message: DapMessage) => void) {
    this.onMessage = onMessage;
  }

  /** Throws on what is no DAP. */
  feed(bytes: Buffer): void {
    this.buffer = this.buffer.length === 0 ? bytes : Buffer.concat([this.buffer, bytes]);
    for (;;) {
      const end = this.buffer.indexOf(HEADER_END);
      if (end < 0) {
        if (this.buffer.length > MAX_HEADER_BYTES) throw new Error('no header of the Debug Adapter Protocol');
        return;
      }
      const length = /content-length: *(\d+)/i.exec(this.buffer.toString('latin1', 0, end))?.[1];
      if (length === undefined) throw new Error('a message of the Debug Adapter Protocol without its length');
      const start = end + HEADER_END.length;
      const stop = start + Number(length);
      if (this.buffer.length < stop) return;
      const text = this.buffer.toString('utf8', start, stop);
      this.buffer = this.buffer.subarray(stop);
      this.onMessage(JSON.parse(text) as DapMessage);
    }
  }
}

/** A message as it stands on the wire. */
export function dapFrame(message: object): Buffer {
  const body = Buffer.from(JSON.stringify(message));
  return Buffer.concat([Buffer.from(`Content-Length: ${body.length}${HEADER_END}`), body]);
}
