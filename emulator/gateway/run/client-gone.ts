import type { Duplex } from 'node:stream';

/**
 * Calls `gone` once when the client of a paused connection closes it, whole or its half; returns what ends the watch. Takes no
 * byte: a FIN shows only to who reads, so an empty buffer is read, and one that holds something shows a client that is there.
 */
export function whenGone(socket: Duplex, gone: () => void): () => void {
  const stop = (): void => {
    socket.off('readable', look).off('end', leave).off('close', leave);
  };
  const leave = (): void => {
    stop();
    gone();
  };
  const look = (): void => {
    if (socket.readableLength === 0) socket.read();
  };
  socket.on('readable', look).once('end', leave).once('close', leave);
  if (socket.destroyed || socket.readableEnded) leave();
  return stop;
}
