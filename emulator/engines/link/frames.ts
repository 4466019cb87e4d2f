import { LIMITS, WindtunnelError } from '../../contract/index.ts';

/** Version of the link's protocol; both ends refuse another. */
export const LINK_VERSION = 1;

/** Frame types; the twin of emulator/runner/frames.py. */
export const FRAME = {
  hello: 0,
  open: 1,
  data: 2,
  end: 3,
  reset: 4,
  window: 5,
  signal: 6,
  exited: 7,
  log: 8,
  state: 9,
  start: 10,
  finish: 12,
  memory: 13,
  debug: 14,
  prepare: 15,
} as const;

const HEADER_BYTES = 9;

/** Initial credit of a stream, per direction. */
export const WINDOW_BYTES = 256 * 1024;
/** Largest DATA frame that is sent: what lets streams take turns. */
export const CHUNK_BYTES = 64 * 1024;

/** Type u8, stream u32, length u32, big endian. */
export function frameHeader(type: number, stream: number, length: number): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header[0] = type;
  header.writeUInt32BE(stream, 1);
  header.writeUInt32BE(length, 5);
  return header;
}

/** Cuts a byte stream into frames. Payloads are views into what was fed. */
export class FrameDecoder {
  private parts: Buffer[] = [];
  private size = 0;
  /** Bytes that the next frame needs to be whole. */
  private needed = HEADER_BYTES;

  /** Throws E_LINK_PROTOCOL for a frame over LIMITS.frameBytes. */
  feed(bytes: Buffer, onFrame: (type: number, stream: number, payload: Buffer) => void): void {
    this.parts.push(bytes);
    this.size += bytes.length;
    if (this.size < this.needed) return;
    let buffer = this.parts.length === 1 ? bytes : Buffer.concat(this.parts, this.size);
    this.needed = HEADER_BYTES;
    while (buffer.length >= HEADER_BYTES) {
      const length = buffer.readUInt32BE(5);
      if (length > LIMITS.frameBytes) {
        throw new WindtunnelError('E_LINK_PROTOCOL', `The runner sent a frame of ${length} bytes.`);
      }
      const end = HEADER_BYTES + length;
      if (buffer.length < end) {
        this.needed = end;
        break;
      }
      const frame = buffer;
      buffer = buffer.subarray(end);
      onFrame(frame[0]!, frame.readUInt32BE(1), frame.subarray(HEADER_BYTES, end));
    }
    this.parts = buffer.length > 0 ? [buffer] : [];
    this.size = buffer.length;
  }
}
