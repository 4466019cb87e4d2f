import type { Readable } from 'node:stream';
import { LIMITS } from '../../contract/index.ts';

export interface ResponseHead {
  status: number;
  /** Status line and headers with their final empty line, latin1. */
  head: string;
  /** What came after it. */
  rest: Buffer;
}

const END = Buffer.from('\r\n\r\n');

/** Reads the head of an HTTP/1.1 answer from a raw stream, which is left paused. Rejects when it ends before that. */
export function readHead(stream: Readable): Promise<ResponseHead> {
  return new Promise((resolve, reject) => {
    let bytes: Buffer = Buffer.alloc(0);
    const stop = (): void => {
      stream.off('data', onData).off('close', onClose).off('end', onClose);
      stream.pause();
    };
    const onData = (chunk: Buffer): void => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      const end = bytes.indexOf(END);
      if (end < 0) {
        if (bytes.length > LIMITS.headerBytes) fail('The head of the answer is over the limit.');
        return;
      }
      stop();
      const head = bytes.toString('latin1', 0, end + END.length);
      const status = /^HTTP\/1\.[01] (\d{3})/.exec(head);
      if (status) resolve({ status: Number(status[1]), head, rest: bytes.subarray(end + END.length) });
      else reject(new Error('The answer is not HTTP.'));
    };
    const fail = (message: string): void => {
      stop();
      reject(Object.assign(new Error(message), { code: 'ECONNRESET' }));
    };
    const onClose = (): void => fail('The connection ended before the answer.');
    stream.on('data', onData).on('close', onClose).on('end', onClose);
    // It broke before anybody could listen.
    if (stream.destroyed) onClose();
  });
}
