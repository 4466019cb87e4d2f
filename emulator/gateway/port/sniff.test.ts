import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classify, HTTP2_OPENING_BYTES, type Protocol } from './sniff.ts';

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const SETTINGS = '\x00\x00\x00\x04\x00\x00\x00\x00\x00';
const bytes = (text: string) => Buffer.from(text, 'latin1');

const TABLE: [string, Protocol][] = [
  ['', 'more'],
  ['\x16', 'tls'],
  ['\x16\x03\x01\x02\x00', 'tls'],
  ['G', 'http1'],
  ['GET / HTTP/1.1\r\n', 'http1'],
  ['CONNECT fal.run:443 HTTP/1.1', 'http1'],
  ['POST /', 'http1'],
  ['PUT', 'http1'],
  ['PRX', 'http1'],
  ['PRI * HTTP/1.1', 'http1'],
  ['PRI * HTTP/2.1', 'reject'],
  ['PRI * HTTP/2.0\r\n\r\nXX', 'reject'],
  [PREFACE, 'more'],
  [`${PREFACE}\x00\x00\x00\x01`, 'reject'],
  [PREFACE + SETTINGS, 'http2'],
  [`${PREFACE}${SETTINGS}more frames`, 'http2'],
  ['get / HTTP/1.1', 'reject'],
  ['\x00', 'reject'],
  ['\x80\x2e\x01', 'reject'],
  ['\r\nGET / HTTP/1.1', 'reject'],
  ['[', 'reject'],
  ['@', 'reject'],
  ['SSH-2.0-x', 'http1'],
];

describe('classify', () => {
  it.each(TABLE)('%j is %s', (text, protocol) => {
    expect(classify(bytes(text))).toBe(protocol);
  });

  it('waits at every split point of the HTTP/2 opening and decides at its end', () => {
    const opening = bytes(PREFACE + SETTINGS);
    expect(opening.length).toBe(HTTP2_OPENING_BYTES);
    for (let n = 0; n < opening.length; n++) expect([n, classify(opening.subarray(0, n))]).toEqual([n, 'more']);
    expect(classify(opening)).toBe('http2');
  });

  it('never changes a decision when more bytes come', () => {
    const seeds = fc.constantFrom('', 'P', 'PRI * HTTP/2', PREFACE, PREFACE + SETTINGS, 'GET ', '\x16');
    fc.assert(
      fc.property(seeds, fc.uint8Array({ maxLength: 40 }), (seed, tail) => {
        const all = Buffer.concat([bytes(seed), tail]);
        const decisions = new Set<Protocol>();
        for (let n = 0; n <= all.length; n++) decisions.add(classify(all.subarray(0, n)));
        decisions.delete('more');
        expect(decisions.size).toBeLessThanOrEqual(1);
      }),
    );
  });
});
