/** What a connection speaks, by its first bytes. `more`: undecided yet. `reject`: nothing that we serve. */
export type Protocol = 'tls' | 'http2' | 'http1' | 'more' | 'reject';

const TLS_HANDSHAKE = 0x16;
const A = 0x41;
const Z = 0x5a;
const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1');
// No HTTP/1 request line agrees with the preface further than this.
const DECISIVE = 'PRI * HTTP/2'.length;
const SETTINGS_TYPE_AT = PREFACE.length + 3;
const SETTINGS = 4;
/** Preface and the head of the first frame. node:http2 never times out a preface without SETTINGS, so we wait for both. */
export const HTTP2_OPENING_BYTES = PREFACE.length + 9;

/** Decides from all bytes received so far. Pure: the same bytes in any split give the same answer. */
export function classify(bytes: Buffer): Protocol {
  const first = bytes[0];
  if (first === undefined) return 'more';
  if (first === TLS_HANDSHAKE) return 'tls';
  if (first < A || first > Z) return 'reject';
  if (!agrees(bytes, DECISIVE)) return 'http1';
  if (bytes.length < DECISIVE) return 'more';
  if (!agrees(bytes, PREFACE.length)) return 'reject';
  if (bytes.length > SETTINGS_TYPE_AT && bytes[SETTINGS_TYPE_AT] !== SETTINGS) return 'reject';
  return bytes.length < HTTP2_OPENING_BYTES ? 'more' : 'http2';
}

function agrees(bytes: Buffer, upTo: number): boolean {
  const n = Math.min(bytes.length, upTo);
  return bytes.compare(PREFACE, 0, n, 0, n) === 0;
}
