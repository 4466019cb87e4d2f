import type { Duplex } from 'node:stream';
import { createSecureContext, TLSSocket, type TLSSocketOptions } from 'node:tls';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import { isFalHost, isLoopbackHost } from './hosts.ts';
import type { Credentials } from './x509.ts';

export interface TlsOptions {
  leaves: { names: Credentials; addresses: Credentials };
  clock: Clock;
  log: Log;
  handshakeMs: number;
  /** Server names that the `names` leaf is for; absent: those of fal, and localhost. */
  serves?: ReadonlySet<string>;
  /** Whether a client that speaks nothing but HTTP/2 is let in. */
  http2: 'served' | 'refused';
}

/** Decrypts one stream; `onSecure` gets the inner stream, once, after the handshake. A failed handshake closes `stream`. */
export type TlsTerminator = (stream: Duplex, onSecure: (inner: TLSSocket, sni: string | null) => void) => void;

// TLS 1.3 sends session tickets after the handshake, and Node can't be told to leave them out. Python before 3.13 loses what one
// thread writes while another, in the same connection's read, takes them in: at an Internet's distance they come too late for
// that, from loopback just then, and 1 of 200 sessions of `fal_client.realtime` hung.
const VERSION = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const;

/**
 * TLS 1.2 for fal's names, localhost and loopback addresses, or those of `serves`; any other server name or version is refused
 * with an alert.
 */
export function createTlsTerminator({ leaves, serves, clock, log, handshakeMs, http2 }: TlsOptions): TlsTerminator {
  const names = createSecureContext({ ...leaves.names, ...VERSION });
  const addresses = createSecureContext({ ...leaves.addresses, ...VERSION });
  const options: TLSSocketOptions = {
    isServer: true,
    secureContext: addresses, // for clients without SNI: they came by address
    SNICallback: (name, done) => {
      const host = name.toLowerCase();
      if (serves ? serves.has(host) : isFalHost(host) || host === 'localhost') return done(null, names);
      if (!serves && isLoopbackHost(host)) return done(null, addresses);
      done(new Error(`no certificate for the server name ${name}`));
    },
    // HTTP/2 only for a client that speaks nothing else (gRPC): browsers, curl and Java offer both and get HTTP/1.1.
    ALPNCallback: ({ protocols }) => {
      if (protocols.includes('http/1.1')) return 'http/1.1';
      if (protocols.includes('h2') && http2 === 'served') return 'h2';
      log.info('TLS client refused: it offers only protocols that are not served here', { protocols });
      return undefined;
    },
  };
  return (stream, onSecure) => {
    const inner = new TLSSocket(stream, options);
    const timer = clock.setTimeout(() => {
      log.debug('TLS handshake took too long');
      stream.destroy();
    }, handshakeMs);
    let reason: string | null = null;
    let secure = false;
    inner.on('error', (error: Error) => {
      reason ??= error.message;
      inner.destroy();
    });
    // The reason of a failed handshake comes by this event alone when no tls.Server is around; without it only the log is poorer.
    inner.on('_tlsError', (error: Error) => {
      reason ??= error.message;
      inner.destroy();
    });
    inner.once('close', () => {
      timer.cancel();
      stream.destroy();
      if (!secure && reason !== null) log.warn(handshakeProblem(reason), { reason, sni: inner.servername || null });
    });
    // A FIN before the handshake is over: nothing else looks for it, and the deadline is far.
    inner.once('end', () => {
      if (!secure) inner.destroy();
    });
    inner.once('secure', () => {
      timer.cancel();
      secure = true;
      // A tls.Server sets it, and there is none here: node:http2 waits for it for ever, and crashes on what it read meanwhile.
      Object.assign(inner, { secureConnecting: false });
      const name = inner.servername;
      onSecure(inner, typeof name === 'string' && name !== '' ? name.toLowerCase() : null);
    });
  };
}

function handshakeProblem(reason: string): string {
  if (/unknown ca|bad certificate|certificate unknown/i.test(reason)) {
    return "A TLS client does not trust the emulator's certificate: start it with `windtunnel exec`";
  }
  if (/unsupported protocol/i.test(reason)) return 'A TLS client was refused: it does not offer TLS 1.2';
  return 'A TLS handshake failed';
}
