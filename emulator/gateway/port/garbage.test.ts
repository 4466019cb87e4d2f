import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { expect, it } from 'vitest';
import { connectRequest, exchange, getRequest, startTestPort, until } from './test-support/port-harness.ts';

const RUNS = 2000;
const AT_ONCE = 50;
const SEED = 0x5eed;

const OPENINGS = [
  '',
  'GET / HTTP/1.1\r\n',
  'POST / HTTP/1.1\r\nHost: fal.run\r\nTransfer-Encoding: chunked\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: fal.run\r\nContent-Length: 200\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00',
  'P',
  'PR',
  'PRI * HTTP/2',
  '\x16\x03\x01',
  '\x16\x03\x03\x00\x7a\x01\x00\x00\x76',
  'CONNECT ',
  connectRequest('fal.run:443'),
  `${connectRequest('fal.run:443')}\x16\x03\x01`,
  connectRequest('fal.run:443') + connectRequest('rest.fal.ai:443'),
  connectRequest('example.com:443'),
  'GET /ws HTTP/1.1\r\nHost: fal.run\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
  getRequest('fal.run'),
];

it(`survives ${RUNS} connections of garbage, cut anywhere, ended in every way, and keeps nothing of them`, async () => {
  const { port, number } = await startTestPort();
  const before = openDescriptors();
  const random = mulberry32(SEED);
  const below = (n: number) => Math.floor(random() * n);
  let left = RUNS;
  const one = () =>
    new Promise<void>((resolve) => {
      const opening = OPENINGS[below(OPENINGS.length)] ?? '';
      const noise = Buffer.from(Array.from({ length: below(300) }, () => below(256)));
      const all = Buffer.concat([Buffer.from(opening, 'latin1'), noise]);
      const bytes = below(3) === 0 ? all.subarray(0, below(all.length + 1)) : all;
      const ending = below(4);
      const patience = below(8);
      const socket = connect({ port: number, host: '127.0.0.1' }, () => {
        socket.write(bytes);
        if (ending === 0) socket.end();
        else if (ending === 1) setImmediate(() => socket.resetAndDestroy());
        else setTimeout(() => socket.destroy(), patience);
      });
      socket.on('error', () => undefined); // resets are the point
      socket.once('close', () => resolve());
      socket.resume();
    });
  const worker = async () => {
    while (left-- > 0) await one();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  await until(() => port.connections === 0);
  expect((await exchange(number, getRequest('fal.run'))).text).toMatch(/^HTTP\/1\.1 200 /);
  await until(() => port.connections === 0);
  await expect.poll(openDescriptors).toBe(before);
  expect(closeWaits(number)).toBe(0);
  await port.close();
});

// macOS has no /proc; the count of the port's own streams above holds there too.
function openDescriptors(): number {
  return process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0;
}

function closeWaits(port: number): number {
  if (process.platform !== 'linux') return 0;
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const CLOSE_WAIT = '08';
  return ['/proc/net/tcp', '/proc/net/tcp6']
    .flatMap((table) => readFileSync(table, 'utf8').split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, address, , state]) => address?.endsWith(local) && state === CLOSE_WAIT).length;
}

function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
