import { LIMITS } from '../../contract/index.ts';

/** Deadlines (ms) and sizes of one port. */
export interface PortLimits {
  /** From the connection (or the end of a TLS handshake, or the answer to CONNECT) to bytes that tell the protocol. */
  firstByteMs: number;
  handshakeMs: number;
  /** For a whole request head; past it 408. Kept by node:http on real time, checked every second. */
  headersMs: number;
  /** Idle time between two requests of one connection. */
  keepAliveMs: number;
  /** A request body of which nothing arrives for this long, while it is being read, ends with 408. */
  bodyIdleMs: number;
  /** For a connection to another host, and for the answer of a company proxy; past it 502. */
  dialMs: number;
  /** A tunnel to another host in which nothing moves is closed after this. */
  tunnelIdleMs: number;
  /** How long a refused peer may go on sending before the connection is cut. */
  lingerMs: number;
  /** Past it 431. */
  headerBytes: number;
  /** Connections at once; more are closed on arrival. */
  connections: number;
}

export const DEFAULT_PORT_LIMITS: PortLimits = {
  firstByteMs: 10_000,
  handshakeMs: 10_000,
  headersMs: 20_000,
  keepAliveMs: 65_000,
  bodyIdleMs: 120_000,
  dialMs: 15_000,
  tunnelIdleMs: 300_000,
  lingerMs: 1_000,
  headerBytes: LIMITS.headerBytes,
  connections: LIMITS.connections,
};
