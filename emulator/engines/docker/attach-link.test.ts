import { Duplex } from 'node:stream';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { demultiplexed, FrameReader } from './attach-link.ts';

const frame = (kind: number, payload: Buffer) => {
  const head = Buffer.alloc(8);
  head.writeUInt8(kind, 0);
  head.writeUInt32BE(payload.length, 4);
  return Buffer.concat([head, payload]);
};

it('frames are the same however the bytes are cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom(1, 2), fc.uint8Array({ maxLength: 40 }))),
      fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }),
      (frames, cuts) => {
        const bytes = Buffer.concat(frames.map(([kind, payload]) => frame(kind, Buffer.from(payload))));
        const reader = new FrameReader();
        const seen: Record<number, Buffer[]> = { 1: [], 2: [] };
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const end = Math.min(at + cuts[i % cuts.length]!, bytes.length);
          reader.feed(bytes.subarray(at, end), (kind, payload) => seen[kind]?.push(payload));
          at = end;
        }
        for (const kind of [1, 2]) {
          const sent = frames.filter(([k]) => k === kind).map(([, payload]) => Buffer.from(payload));
          expect(Buffer.concat(seen[kind]!)).toEqual(Buffer.concat(sent));
        }
      },
    ),
  );
});

it('thousands of small frames in one chunk do not overflow the stack', async () => {
  const stream = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  const complaints: string[] = [];
  const link = demultiplexed(stream, (text) => complaints.push(text));
  const many = Array.from({ length: 20_000 }, (_, i) => frame(i % 2 === 0 ? 1 : 2, Buffer.from('x')));
  stream.push(Buffer.concat(many));
  stream.push(null);
  let bytes = 0;
  for await (const chunk of link) bytes += chunk.length;
  expect(bytes).toBe(10_000);
  expect(complaints).toHaveLength(10_000);
});
