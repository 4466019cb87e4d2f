import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { FileUrlRewriter, localFileUrl, toLocalForm } from './file-urls.ts';

const BASE = 'http://127.0.0.1:8799';
const ID = `wt-${'0f'.repeat(16)}`;

test.each([
  [`https://v3.fal.media/files/${ID}/a.png`, `${BASE}/files/${ID}/a.png`],
  [`https://v3b.fal.media/files/b/${ID}/a.png?x=1`, `${BASE}/files/${ID}/a.png?x=1`],
  [`https://fal.media/files/${ID}/a.png`, `${BASE}/files/${ID}/a.png`],
  [`${BASE}/files/${ID}/a.png`, `${BASE}/files/${ID}/a.png`],
  ['https://v3.fal.media/files/koala/a.png', 'https://v3.fal.media/files/koala/a.png'],
  [`https://evil.example/files/${ID}/a.png`, `https://evil.example/files/${ID}/a.png`],
  ['plain text', 'plain text'],
])('%s is shown as %s', (url, wanted) => {
  expect(localFileUrl(url, BASE)).toBe(wanted);
  expect(toLocalForm({ a: [{ url }], n: 1, z: null }, BASE)).toEqual({ a: [{ url: wanted }], n: 1, z: null });
});

test('however the bytes are cut, the rewritten stream is the same', () => {
  const url = `https://v3.fal.media/files/${ID}/a.png`;
  const piece = fc.oneof(
    fc.constant(url),
    fc.constant('https://v3.fal.me'),
    fc.constant('https://v3.fal.media/files/x'),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(piece), fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (pieces, cuts) => {
      const whole = Buffer.from(pieces.join(''));
      const rewriter = new FileUrlRewriter(BASE);
      const out: Buffer[] = [];
      for (let at = 0, i = 0; at < whole.length; i++) {
        const next = at + cuts[i % cuts.length]!;
        out.push(rewriter.push(whole.subarray(at, next)));
        at = next;
      }
      const tail = rewriter.end();
      if (tail !== null) out.push(tail);
      const wanted = whole.toString().replaceAll('https://v3.fal.media/files/wt-', `${BASE}/files/wt-`);
      expect(Buffer.concat(out).toString()).toBe(wanted);
    }),
  );
});

test('an event is never held back', () => {
  const event = Buffer.from('data: {"progress": 0.5, "note": "https"}\n\n');
  expect(new FileUrlRewriter(BASE).push(event)).toEqual(event);
});
