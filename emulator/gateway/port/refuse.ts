const TLS_ONLY = 'E_TLS_ONLY: this port is served to other machines over TLS alone; call it by https://';

/** Last words to an HTTP/2 client: an empty SETTINGS, then GOAWAY with HTTP_1_1_REQUIRED (RFC 9113 6.5, 6.8, 7). ASCII, short. */
export function goAway(text: string): Buffer {
  return Buffer.concat([
    Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]),
    Buffer.from([0, 0, 8 + text.length, 7, 0, 0, 0, 0, 0]),
    Buffer.from([0, 0, 0, 0, 0, 0, 0, 0x0d]),
    Buffer.from(text),
  ]);
}

/** Last words to a client of another machine that speaks without TLS. */
export function tlsOnly(protocol: 'http1' | 'http2'): string | Buffer {
  if (protocol === 'http2') return goAway(TLS_ONLY);
  const body = `${TLS_ONLY}\n`;
  const head = ['HTTP/1.1 426 Upgrade Required', 'Upgrade: TLS/1.2', 'Content-Type: text/plain', 'Connection: close'];
  return [...head, `Content-Length: ${body.length}`, '', body].join('\r\n');
}
