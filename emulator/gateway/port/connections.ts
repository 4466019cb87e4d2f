import type { Duplex } from 'node:stream';
import type { AppId } from '../../contract/index.ts';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { ExecGrant } from './upstream.ts';

/** Who is at the other end of a tunnel: the runner and the app that opened it. */
export interface RunnerIdentity {
  runner: string;
  app: AppId;
}

/** How a request came in. */
export interface ConnectionContext {
  /** Straight to the port; through CONNECT; as an absolute-form proxy request; from an app over its runner's link. */
  readonly via: 'direct' | 'connect' | 'absolute' | 'tunnel';
  readonly tls: boolean;
  /** Server name of the TLS handshake, lower-case. */
  readonly sni?: string;
  /** Host that CONNECT or the tunnel named, lower-case. */
  readonly connectHost?: string;
  /** Port that CONNECT or the tunnel named. */
  readonly connectPort?: number;
  /** Set for what came in where other machines may: the host names and addresses that are served there. */
  readonly remote?: ReadonlySet<string>;
  /** Set for `tunnel` only. */
  readonly identity?: RunnerIdentity;
  /** The exec session whose valid proxy credentials came with CONNECT or the absolute form. */
  readonly grant?: ExecGrant;
}

export const DIRECT: ConnectionContext = { via: 'direct', tls: false };

/** Every stream of the port, raw or decrypted, with its context: none is without an error listener, none outlives the port. */
export class Connections {
  private readonly open = new Map<Duplex, ConnectionContext>();

  private readonly clock: Clock;
  private readonly log: Log;
  private readonly lingerMs: number;

  constructor(clock: Clock, log: Log, lingerMs: number) {
    this.clock = clock;
    this.log = log;
    this.lingerMs = lingerMs;
  }

  get size(): number {
    return this.open.size;
  }

  /** Takes a stream in, or replaces the context of one that is known. */
  own(stream: Duplex, context: ConnectionContext): void {
    const known = this.open.has(stream);
    this.open.set(stream, context);
    if (known) return;
    stream.on('error', (error: NodeJS.ErrnoException) => {
      this.log.debug('connection error', { code: error.code, error: error.message });
      stream.destroy();
    });
    stream.once('close', () => this.open.delete(stream));
    // One that closed before it came here gets no 'close' any more.
    if (stream.closed) this.open.delete(stream);
  }

  context(stream: Duplex): ConnectionContext {
    return this.open.get(stream) ?? DIRECT;
  }

  /**
   * Sends last words and closes. What the peer still sends is read and dropped for a while: closing on unread bytes makes the
   * kernel send RST, which can erase the answer before the peer reads it.
   */
  finish(stream: Duplex, lastWords: string | Buffer): void {
    if (stream.destroyed) return;
    if (!stream.writable) {
      stream.destroy();
      return;
    }
    const timer = this.clock.setTimeout(() => stream.destroy(), this.lingerMs);
    stream.once('close', () => timer.cancel());
    stream.end(lastWords);
    stream.resume();
  }

  destroyAll(): void {
    for (const stream of this.open.keys()) stream.destroy();
  }
}
