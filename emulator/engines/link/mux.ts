import type { Duplex } from 'node:stream';
import * as z from 'zod/mini';
import { LIMITS, WindtunnelError } from '../../contract/index.ts';
import { FRAME, FrameDecoder, frameHeader, LINK_VERSION } from './frames.ts';
import {
  type Exited,
  ExitedSchema,
  type Hello,
  HelloSchema,
  type LogMessage,
  LogMessageSchema,
  type RunnerStateMessage,
  RunnerStateMessageSchema,
  type StartMessage,
} from './messages.ts';
import { MuxStream, type StreamOwner } from './mux-stream.ts';

export interface LinkEvents {
  onHello(hello: Hello): void;
  onState(state: RunnerStateMessage): void;
  onLog(log: LogMessage): void;
  /** The app is done with a request; all of its lines came before. */
  onRequestEnd(request: string): void;
  /** Resident bytes of the runner's whole process tree. */
  onMemory(bytes: number): void;
  /** The app opened a connection to `host:port`. */
  onTunnel(stream: MuxStream, target: string): void;
  onExited(exited: Exited): void;
  /** Called once, last. The error is E_LINK_PROTOCOL when the runner broke the protocol, null when the link just ended. */
  onClose(error: WindtunnelError | null): void;
}

const GONE = 'The runner is gone.';

/** The emulator's end of the one byte stream to a runner: requests in, tunnels out, logs, states, signals. */
export class LinkMux implements StreamOwner {
  private readonly decoder = new FrameDecoder();
  private readonly streams = new Map<number, MuxStream>();
  /** Streams with something to send, in the order of their turns. */
  private readonly turns = new Set<MuxStream>();
  private nextNumber = 1; // ours are odd
  private highestRemote = 0;
  private closedOnce = false;
  private pumping = false;

  private readonly link: Duplex;
  private readonly events: LinkEvents;

  constructor(link: Duplex, events: LinkEvents) {
    this.link = link;
    this.events = events;
    link.on('data', (bytes: Buffer) => this.receive(bytes));
    link.on('drain', () => this.pump());
    link.on('error', () => this.close(null));
    link.on('close', () => this.close(null));
    link.on('end', () => this.close(null));
  }

  /** A connection to the app's server, or to its metrics. It is reset when the app does not listen. */
  open(target: 'app' | 'metrics' | 'shell' | 'debug'): MuxStream {
    const stream = new MuxStream(this, this.nextNumber);
    this.nextNumber += 2;
    if (this.closedOnce) {
      stream.receiveReset(GONE);
      return stream;
    }
    this.streams.set(stream.number, stream);
    this.send(FRAME.open, stream.number, Buffer.from(target));
    return stream;
  }

  /** The same once the app has taken it; rejects when it does not listen, or the runner is gone. */
  connect(target: 'app' | 'metrics'): Promise<MuxStream> {
    return new Promise((resolve, reject) => {
      const stream = this.open(target);
      // For good: it may break in the same read that connects it, before whoever waits for it can listen. They see it destroyed.
      stream.once('error', reject);
      stream.once('opened', () => resolve(stream));
    });
  }

  start(message: StartMessage): void {
    this.send(FRAME.start, 0, Buffer.from(JSON.stringify(message)));
  }

  /** A signal for the app's process; 'kill' ends its whole tree. */
  signal(signal: number | 'kill'): void {
    this.send(FRAME.signal, 0, Buffer.from(String(signal)));
  }

  /** Tells the app where a debug adapter waits for it. */
  debug(address: { host: string; port: number }): void {
    this.send(FRAME.debug, 0, Buffer.from(JSON.stringify(address)));
  }

  /** Ends the link; the agent takes that for the end of the emulator and stops the app. */
  close(error: WindtunnelError | null): void {
    if (this.closedOnce) return;
    this.closedOnce = true;
    this.link.destroy();
    for (const stream of [...this.streams.values()]) stream.receiveReset(GONE);
    this.events.onClose(error);
  }

  wantsTurn(stream: MuxStream): void {
    this.turns.add(stream);
    this.pump();
  }

  sendWindow(stream: number, bytes: number): void {
    const payload = Buffer.allocUnsafe(4);
    payload.writeUInt32BE(bytes);
    this.send(FRAME.window, stream, payload);
  }

  sendEnd(stream: number): void {
    this.send(FRAME.end, stream);
  }

  closed(stream: number, reset: boolean): void {
    const known = this.streams.get(stream);
    if (!known) return;
    this.streams.delete(stream);
    this.turns.delete(known);
    if (reset) this.send(FRAME.reset, stream);
  }

  /** One piece of each stream in turn while the link takes more, so that a busy stream starves no other. */
  private pump(): void {
    if (this.pumping) return;
    this.pumping = true;
    while (this.turns.size > 0 && !this.link.writableNeedDrain && !this.closedOnce) {
      const stream: MuxStream = this.turns.values().next().value!;
      this.turns.delete(stream);
      const chunk = stream.takeChunk();
      if (!chunk) continue;
      this.send(FRAME.data, stream.number, chunk);
      if (stream.ready) this.turns.add(stream);
      stream.chunkSent();
    }
    this.pumping = false;
  }

  private send(type: number, stream: number, payload?: Buffer): void {
    if (this.closedOnce || !this.link.writable) return;
    const header = frameHeader(type, stream, payload?.length ?? 0);
    if (!payload || payload.length === 0) {
      this.link.write(header);
      return;
    }
    this.link.cork();
    this.link.write(header);
    this.link.write(payload);
    this.link.uncork();
  }

  private receive(bytes: Buffer): void {
    if (this.closedOnce) return;
    try {
      this.decoder.feed(bytes, (type, stream, payload) => this.onFrame(type, stream, payload));
    } catch (error) {
      this.close(error instanceof WindtunnelError ? error : broke('It cannot be read.', error));
    }
  }

  private onFrame(type: number, number: number, payload: Buffer): void {
    switch (type) {
      case FRAME.hello:
        this.onHello(parse(HelloSchema, payload));
        break;
      case FRAME.state:
        this.events.onState(parse(RunnerStateMessageSchema, payload));
        break;
      case FRAME.log:
        this.events.onLog(parse(LogMessageSchema, payload));
        break;
      case FRAME.finish:
        this.events.onRequestEnd(payload.toString());
        break;
      case FRAME.exited:
        this.events.onExited(parse(ExitedSchema, payload));
        break;
      case FRAME.memory:
        if (payload.length !== 8) throw broke('A memory frame is not 8 bytes long.');
        this.events.onMemory(Number(payload.readBigUInt64BE(0)));
        break;
      case FRAME.open:
        this.accept(number, payload);
        break;
      case FRAME.data:
      case FRAME.end:
      case FRAME.reset:
      case FRAME.window:
        this.onStreamFrame(type, number, payload);
        break;
      default:
        throw broke(`A frame of type ${type} is not known.`);
    }
  }

  private onHello(hello: Hello): void {
    if (hello.version !== LINK_VERSION) {
      throw broke(`The runner speaks version ${hello.version}, this emulator ${LINK_VERSION}.`);
    }
    this.events.onHello(hello);
  }

  private accept(number: number, payload: Buffer): void {
    if (number % 2 !== 0 || number <= this.highestRemote) throw broke(`Stream ${number} was opened out of order.`);
    this.highestRemote = number;
    if (this.streams.size >= LIMITS.linkStreams) {
      this.send(FRAME.reset, number, Buffer.from('too many streams'));
      return;
    }
    const stream = new MuxStream(this, number);
    this.streams.set(number, stream);
    this.events.onTunnel(stream, payload.toString());
  }

  private onStreamFrame(type: number, number: number, payload: Buffer): void {
    const stream = this.streams.get(number);
    if (!stream) {
      // Late frames of a stream that is over here are no error; those of one that never was are.
      const opened = number % 2 === 0 ? number <= this.highestRemote : number < this.nextNumber;
      if (number === 0 || !opened) throw broke(`Stream ${number} was never opened.`);
      return;
    }
    if (type === FRAME.data) {
      if (!stream.receive(payload)) throw broke(`Stream ${number} sent more than its credit.`);
    } else if (type === FRAME.end) {
      stream.receiveEnd();
    } else if (type === FRAME.reset) {
      stream.receiveReset(payload.toString());
    } else {
      if (payload.length !== 4) throw broke('A window frame is not 4 bytes long.');
      stream.receiveWindow(payload.readUInt32BE(0));
    }
  }
}

function parse<T extends z.core.$ZodType>(schema: T, payload: Buffer): z.core.output<T> {
  let value: unknown;
  try {
    value = JSON.parse(payload.toString());
  } catch (error) {
    throw broke('A message is no JSON.', error);
  }
  const result = z.safeParse(schema, value);
  if (!result.success) throw broke('A message has an unknown form.', result.error);
  return result.data;
}

function broke(what: string, cause?: unknown): WindtunnelError {
  return new WindtunnelError('E_LINK_PROTOCOL', `The link to a runner broke its protocol: ${what}`, { cause });
}
