import { execFile } from 'node:child_process';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FAL_ZONES } from '../gateway/port/hosts.ts';

const PRELOAD = join(import.meta.dirname, 'preload.cjs');
let emulator: Server;
let other: Server;
const portOf = (server: Server) => (server.address() as AddressInfo).port;
const named = (name: string) =>
  new Promise<Server>((resolve) => {
    const server = createServer((socket) => void socket.on('error', () => undefined).end(name)).listen(
      0,
      '127.0.0.1',
      () => resolve(server),
    );
  });
beforeAll(async () => {
  emulator = await named('emulator');
  other = await named('other');
});
afterAll(() => {
  emulator.close();
  other.close();
});

/** What answers to `net.connect` with each of these argument lists, in a process with the preload. */
async function answers(calls: unknown[][], env: Record<string, string>): Promise<string[]> {
  const script = `
    const net = require('node:net');
    const ask = (args) => new Promise((resolve) => {
      let text = '';
      const socket = net.connect(...args);
      socket.on('data', (data) => { text += data; }).on('error', (error) => resolve(error.code)).on('end', () => resolve(text));
    });
    Promise.all(${JSON.stringify(calls)}.map(ask)).then((all) => console.log(JSON.stringify(all)));`;
  const run = promisify(execFile)(process.execPath, ['--require', PRELOAD, '-e', script], { env });
  return JSON.parse((await run).stdout) as string[];
}

it('leads every zone of fal, and its subdomains, to the port by each form of connect', async () => {
  const hosts = FAL_ZONES.flatMap((zone) => [zone, `a.b.${zone}`, `${zone}.`, zone.toUpperCase()]);
  const calls = hosts.flatMap((host) => [
    [443, host],
    [{ host, port: 443 }],
    [{ host, port: '443' }],
    [{ host, port: 80 }],
  ]);
  const got = await answers(calls, { WINDTUNNEL_PORT_URL: `http://127.0.0.1:${portOf(emulator)}` });
  expect(new Set(got)).toEqual(new Set(['emulator']));
  expect(got).toHaveLength(hosts.length * 4);
});

it('leaves every other connection alone, and all of them outside exec', async () => {
  const port = portOf(other);
  const calls = [
    [port, '127.0.0.1'],
    [port],
    [{ port }],
    [{ host: '127.0.0.1', port }],
    [{ path: '/nowhere.sock' }],
    ['/nowhere.sock'],
  ];
  const expected = ['other', 'other', 'other', 'other', 'ENOENT', 'ENOENT'];
  expect(await answers(calls, { WINDTUNNEL_PORT_URL: `http://127.0.0.1:${portOf(emulator)}` })).toEqual(expected);
  expect(await answers(calls, {})).toEqual(expected);
  expect(await answers(calls, { WINDTUNNEL_PORT_URL: 'http://elsewhere.example:1' })).toEqual(expected);
});
