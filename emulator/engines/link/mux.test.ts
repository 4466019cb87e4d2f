import { once } from 'node:events';
import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LIMITS, type WindtunnelError } from '../../contract/index.ts';
import { FRAME, FrameDecoder, frameHeader, WINDOW_BYTES } from './frames.ts';
import { LinkMux } from './mux.ts';
import type { MuxStream } from './mux-stream.ts';

/** A mux on a link whose other end is this test. */
function onLink() {
  const written: Buffer[] = [];
  const link = new Duplex({
    read: () => undefined,
    write: (bytes: Buffer, _encoding, done) => {
      written.push(bytes);
      done();
    },
  });
  const closed: (WindtunnelError | null)[] = [];
  const tunnels: MuxStream[] = [];
  const mux = new LinkMux(link, {
    onHello: () => undefined,
    onState: () => undefined,
    onLog: () => undefined,
    onRequestEnd: () => undefined,
    onMemory: () => undefined,
    onTunnel: (stream) => {
      stream.on('error', () => undefined);
      tunnels.push(stream);
    },
    onExited: () => undefined,
    onClose: (error) => closed.push(error),
  });
  const say = async (...frames: Buffer[]) => {
    for (const frame of frames) link.push(frame);
    await new Promise((resolve) => setImmediate(resolve));
  };
  const heard = () => {
    const frames: [type: number, stream: number, size: number][] = [];
    new FrameDecoder().feed(Buffer.concat(written), (type, stream, payload) => {
      frames.push([type, stream, payload.length]);
    });
    return frames;
  };
  return { mux, say, heard, closed, tunnels };
}

const frame = (type: number, stream: number, payload: Buffer | string = '') => {
  const bytes = Buffer.from(payload);
  return Buffer.concat([frameHeader(type, stream, bytes.length), bytes]);
};
const open = (stream: number) => frame(FRAME.open, stream, 'fal.run:443');

describe('what a runner must not send ends the link with E_LINK_PROTOCOL', () => {
  it.each<[string, Buffer[]]>([
    ['a frame of 4 GiB', [frameHeader(FRAME.data, 2, 0xffffffff)]],
    ['a frame over the limit', [frameHeader(FRAME.log, 0, LIMITS.frameBytes + 1)]],
    ['an unknown type', [frame(99, 0)]],
    ['a message that is no JSON', [frame(FRAME.state, 0, '{')]],
    ['a message of unknown form', [frame(FRAME.log, 0, '{"level":"SHOUT"}')]],
    ['another version', [frame(FRAME.hello, 0, '{"version":2,"pid":1}')]],
    ['a stream of our numbers', [open(3)]],
    ['a stream that is opened twice', [open(2), open(2)]],
    ['data for a stream that never was', [frame(FRAME.data, 2, 'x')]],
    ['data for a stream that we never opened', [frame(FRAME.data, 1, 'x')]],
    ['data after the end', [open(2), frame(FRAME.end, 2), frame(FRAME.data, 2, 'x')]],
    ['more than its credit', [open(2), ...Array.from({ length: 7 }, () => frame(FRAME.data, 2, Buffer.alloc(65_536)))]],
    ['a window that is no number', [open(2), frame(FRAME.window, 2, 'xx')]],
  ])('%s', async (_name, frames) => {
    const { say, closed } = onLink();
    await say(...frames);
    expect(closed.map((error) => error?.code)).toEqual(['E_LINK_PROTOCOL']);
  });

  it('whatever the bytes, as an error and never as an exception', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ minLength: 1, maxLength: 64 })), async (pieces) => {
        const { say, closed } = onLink();
        await say(...pieces.map((piece) => Buffer.from(piece)));
        expect(closed.filter((error) => error?.code !== 'E_LINK_PROTOCOL')).toEqual([]);
      }),
    );
  });
});

it('frames are the same however the bytes are cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(13), fc.nat(2 ** 32 - 1), fc.uint8Array({ maxLength: 300 }))),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
      (frames, cuts) => {
        const bytes = Buffer.concat(frames.map(([type, stream, body]) => frame(type, stream, Buffer.from(body))));
        const decoder = new FrameDecoder();
        const seen: unknown[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const end = Math.min(at + cuts[i % cuts.length]!, bytes.length);
          decoder.feed(bytes.subarray(at, end), (type, stream, body) =>
            seen.push([type, stream, new Uint8Array(body)]),
          );
          at = end;
        }
        expect(seen).toEqual(frames);
      },
    ),
  );
});

it('streams take turns, and none sends beyond its credit', async () => {
  const { mux, heard } = onLink();
  const streams = [mux.open('app'), mux.open('app')];
  for (const stream of streams) stream.write(Buffer.alloc(WINDOW_BYTES * 2));
  await new Promise((resolve) => setImmediate(resolve));
  const data = heard().filter(([type]) => type === FRAME.data);
  for (const stream of streams) {
    const sent = data.filter(([, number]) => number === stream.number).reduce((sum, [, , size]) => sum + size, 0);
    expect(sent).toBe(WINDOW_BYTES);
  }
});

it('a stream over the limit is reset, and the link goes on', async () => {
  const { say, heard, tunnels, closed } = onLink();
  await say(...Array.from({ length: LIMITS.linkStreams + 1 }, (_, i) => open(2 * i + 2)));
  expect(tunnels).toHaveLength(LIMITS.linkStreams);
  expect(heard().filter(([type]) => type === FRAME.reset)).toEqual([[FRAME.reset, 2 * LIMITS.linkStreams + 2, 16]]);
  expect(closed).toEqual([]);
});

it('streams end with the link', async () => {
  const { mux, say, tunnels, closed } = onLink();
  await say(open(2));
  mux.close(null);
  expect(tunnels[0]?.destroyed).toBe(true);
  expect(closed).toEqual([null]);
  expect(mux.open('app').on('error', () => undefined).destroyed).toBe(true);
});

it('a stream that breaks says how, as a socket does: not connected is refused, connected is reset', async () => {
  const { mux, say } = onLink();
  const refused = expect(mux.connect('app')).rejects.toMatchObject({ code: 'ECONNREFUSED', message: 'nobody listens' });
  const connected = mux.connect('app');
  await say(frame(FRAME.reset, 1, 'nobody listens'), frame(FRAME.window, 3, Buffer.alloc(4)));
  await refused;
  const broke = once(await connected, 'error');
  mux.close(null);
  expect(await broke).toMatchObject([{ code: 'ECONNRESET' }]);
  await expect(mux.connect('app')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

it('a stream that breaks as it is connected, before anybody can listen, ends nothing but itself', async () => {
  const { mux, say } = onLink();
  const unheard: unknown[] = [];
  const onUncaught = (error: unknown) => unheard.push(error);
  const others = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException').on('uncaughtException', onUncaught);
  try {
    const connecting = mux.connect('app');
    await say(Buffer.concat([frame(FRAME.window, 1, Buffer.alloc(4)), frame(FRAME.reset, 1, 'the app crashed')]));
    const stream = await connecting;
    expect([stream.destroyed, stream.errored?.message]).toEqual([true, 'the app crashed']);
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off('uncaughtException', onUncaught);
    for (const other of others) process.on('uncaughtException', other);
  }
  expect(unheard).toEqual([]);
});
