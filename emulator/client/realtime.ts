import { WebSocket } from 'ws';
import { WindtunnelError } from '../contract/index.ts';

/** A realtime connection to an app. */
export interface Realtime {
  /** Id that the emulator gave the connection; its log lines carry it. */
  request: string | null;
  send(frame: Uint8Array): void;
  close(): void;
}

export interface RealtimeHandlers {
  /** A text frame comes as a string: fal's protocol uses one for errors and state. */
  message(frame: Uint8Array | string): void;
  closed(code: number, reason: string): void;
}

/** Opens a WebSocket below the emulator's public URL. Rejects with what the emulator answers in its place. */
export function openRealtime(
  url: string,
  headers: Record<string, string>,
  handlers: RealtimeHandlers,
  signal: AbortSignal,
): Promise<Realtime> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url.replace(/^http/, 'ws'), { headers });
    socket.binaryType = 'nodebuffer';
    let request: string | null = null;
    socket.on('upgrade', ({ headers: answered }) => {
      const id = answered['x-fal-request-id'];
      request = typeof id === 'string' ? id : null;
    });
    socket.on('open', () => resolve({ request, send: (frame) => socket.send(frame), close: () => socket.close(1000) }));
    socket.on('message', (data, isBinary) => {
      const bytes = data as Buffer;
      handlers.message(isBinary ? new Uint8Array(bytes) : bytes.toString('utf8'));
    });
    socket.on('close', (code, reason) => handlers.closed(code, reason.toString('utf8')));
    socket.on('unexpected-response', (_sent, response) => {
      response.resume();
      reject(new WindtunnelError('E_BAD_REQUEST', `The realtime connection was answered with ${response.statusCode}.`));
      socket.terminate();
    });
    socket.on('error', (cause) => reject(new WindtunnelError('E_BAD_REQUEST', cause.message, { cause })));
    signal.addEventListener('abort', () => socket.close(1000), { once: true });
  });
}
