import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** A WebSocket handshake that nobody has answered yet. */
export interface UpgradeCall {
  req: IncomingMessage;
  socket: Duplex;
  head: Buffer;
}
