import { Duplex } from 'node:stream';
import { CHUNK_BYTES, WINDOW_BYTES } from './frames.ts';

/** What a stream asks of its mux. */
export interface StreamOwner {
  /** The stream has data and credit: it wants a turn. */
  wantsTurn(stream: MuxStream): void;
  sendWindow(stream: number, bytes: number): void;
  sendEnd(stream: number): void;
  /** The stream is over; `reset` when the other end must be told. */
  closed(stream: number, reset: boolean): void;
}

/** One stream of the link, with credit in both directions. Stands in for a net.Socket in `server.emit('connection')`. */
export class MuxStream extends Duplex {
  private credit = WINDOW_BYTES;
  /** Bytes that the other end may still send. */
  private granted = WINDOW_BYTES;
  /** Bytes that our reader took and that were not granted anew. */
  private taken = 0;
  private pending: { bytes: Buffer; done: (error?: Error | null) => void } | null = null;
  private sent: ((error?: Error | null) => void) | null = null;
  private localEnded = false;
  private remoteEnded = false;
  private known = true;
  /** The other end has connected it; the streams that it opens (even numbers) are from the first. */
  private connected: boolean;

  private readonly owner: StreamOwner;
  readonly number: number;

  constructor(owner: StreamOwner, number: number) {
    super({ allowHalfOpen: true });
    this.owner = owner;
    this.number = number;
    this.connected = number % 2 === 0;
  }

  /** The next piece to send, when it is this stream's turn; null when it has none or no credit. */
  takeChunk(): Buffer | null {
    if (!this.pending || this.credit <= 0) return null;
    const { bytes, done } = this.pending;
    const size = Math.min(bytes.length, this.credit, CHUNK_BYTES);
    this.credit -= size;
    if (size < bytes.length) {
      this.pending.bytes = bytes.subarray(size);
    } else {
      this.pending = null;
      this.sent = done;
    }
    return bytes.subarray(0, size);
  }

  /** The chunk is on the link. Only now may the next write, or the end, come: it must not overtake the chunk. */
  chunkSent(): void {
    const done = this.sent;
    this.sent = null;
    done?.();
  }

  /** It has data and credit. */
  get ready(): boolean {
    return this.pending !== null && this.credit > 0;
  }

  /** Data from the other end; false when it exceeds its credit or comes after the end. */
  receive(bytes: Buffer): boolean {
    this.granted -= bytes.length;
    if (this.granted < 0 || this.remoteEnded) return false;
    // A copy: the view would keep the whole read of the link alive for as long as a slow reader leaves it here.
    if (this.push(Buffer.from(bytes))) this.grant(bytes.length);
    else this.taken += bytes.length;
    return true;
  }

  receiveEnd(): void {
    this.remoteEnded = true;
    this.push(null);
    this.finishIfOver();
  }

  receiveWindow(bytes: number): void {
    // The first one, of no bytes, tells that the other end has connected it.
    this.connected = true;
    this.emit('opened');
    this.credit += bytes;
    if (this.ready) this.owner.wantsTurn(this);
  }

  receiveReset(reason: string): void {
    this.known = false;
    // What tells a refused connection from a broken one asks for the code that a net.Socket gives.
    const code = this.connected ? 'ECONNRESET' : 'ECONNREFUSED';
    this.destroy(Object.assign(new Error(reason || 'The other end closed the connection.'), { code }));
  }

  override _write(bytes: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    if (bytes.length === 0) {
      done();
      return;
    }
    this.pending = { bytes, done };
    if (this.ready) this.owner.wantsTurn(this);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.localEnded = true;
    this.owner.sendEnd(this.number);
    done();
    this.finishIfOver();
  }

  override _read(): void {
    const bytes = this.taken;
    this.taken = 0;
    if (bytes > 0) this.grant(bytes);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const pending = this.pending;
    this.pending = null;
    if (this.known) {
      this.known = false;
      this.owner.closed(this.number, !(this.localEnded && this.remoteEnded));
    } else {
      this.owner.closed(this.number, false);
    }
    pending?.done(error);
    done(error);
  }

  // What http, tls and undici ask of a socket.
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }

  private grant(bytes: number): void {
    this.granted += bytes;
    if (this.known && !this.remoteEnded) this.owner.sendWindow(this.number, bytes);
  }

  private finishIfOver(): void {
    if (!this.localEnded || !this.remoteEnded || !this.known) return;
    this.known = false;
    this.owner.closed(this.number, false);
  }
}
