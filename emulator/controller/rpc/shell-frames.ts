/** Frames that runner/shell.py speaks: one byte for the kind, four for the length, the payload. */
export interface ShellFrame {
  kind: string;
  payload: Buffer;
}

const HEAD_BYTES = 5;

export function encodeShellFrame(kind: 'S' | 'D' | 'R' | 'E', payload: string | Uint8Array): Buffer {
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
  const head = Buffer.alloc(HEAD_BYTES);
  head.write(kind, 0, 'latin1');
  head.writeUInt32BE(bytes.byteLength, 1);
  return Buffer.concat([head, bytes]);
}

/** Whole frames of a stream, until it ends. */
export async function* decodeShellFrames(stream: AsyncIterable<Buffer>): AsyncGenerator<ShellFrame> {
  let waiting: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    waiting = waiting.byteLength === 0 ? chunk : Buffer.concat([waiting, chunk]);
    while (waiting.byteLength >= HEAD_BYTES) {
      const end = HEAD_BYTES + waiting.readUInt32BE(1);
      if (waiting.byteLength < end) break;
      yield { kind: waiting.toString('latin1', 0, 1), payload: waiting.subarray(HEAD_BYTES, end) };
      waiting = waiting.subarray(end);
    }
  }
}
