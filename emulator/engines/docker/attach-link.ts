import { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import type { Log } from '../../core/log.ts';
import { dialHijacked } from './dial.ts';

const HEADER_BYTES = 8;
const STDOUT = 1;

/**
 * The link to a container that is not started yet, over its stdin and stdout. What the agent complains of on stderr goes to
 * the log. dockerode's own demultiplexer is not used: it recurses once a frame, and thousands of small ones in one chunk
 * overflow the stack.
 */
export async function attachLink(container: Docker.Container, log: Log): Promise<Duplex> {
  // Not dockerode's own: it sends its options as a body too, which Podman gives to the container as input.
  const path = `/containers/${container.id}/attach?stream=true&stdin=true&stdout=true&stderr=true`;
  const stream = await dialHijacked(container, path);
  return demultiplexed(stream as unknown as Duplex, (text) => log.debug('Agent says', { text: text.trim() }));
}

/** A duplex stream whose readable side is the stdout of Docker's framing, and whose writable side is the stream's own. */
export function demultiplexed(stream: Duplex, onStderr: (text: string) => void): Duplex {
  const frames = new FrameReader();
  const link: Duplex = new Duplex({
    read() {
      stream.resume();
    },
    write(chunk: Buffer, _encoding, done) {
      stream.write(chunk, (error) => done(error));
    },
    final(done) {
      stream.end(() => done());
    },
    destroy(error, done) {
      stream.destroy();
      done(error);
    },
  });
  stream.on('data', (chunk: Buffer) => {
    let full = false;
    frames.feed(chunk, (kind, payload) => {
      if (kind === STDOUT) full = !link.push(payload) || full;
      else onStderr(payload.toString());
    });
    if (full) stream.pause();
  });
  stream.on('error', (error) => link.destroy(error));
  const end = () => {
    if (!link.readableEnded && !link.destroyed) link.push(null);
  };
  stream.on('end', end);
  stream.on('close', () => {
    end();
    link.destroy();
  });
  return link;
}

/** Cuts Docker's stream into frames (kind u8, three zeros, length u32), passing on the part of one that is there. */
export class FrameReader {
  private head: Buffer = Buffer.alloc(0);
  private kind = 0;
  /** Bytes of the current frame that have not come yet. */
  private left = 0;

  feed(chunk: Buffer, onPayload: (kind: number, payload: Buffer) => void): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.left === 0) {
        const missing = HEADER_BYTES - this.head.length;
        const piece = chunk.subarray(at, at + missing);
        this.head = this.head.length === 0 ? piece : Buffer.concat([this.head, piece]);
        at += piece.length;
        if (this.head.length < HEADER_BYTES) return;
        this.kind = this.head.readUInt8(0);
        this.left = this.head.readUInt32BE(4);
        this.head = Buffer.alloc(0);
        continue;
      }
      const payload = chunk.subarray(at, at + this.left);
      this.left -= payload.length;
      at += payload.length;
      onPayload(this.kind, payload);
    }
  }
}
