import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { EmulatorUnderTest } from '../support/emulator.ts';

const KV = '/kv/set/durability';
let emulator: EmulatorUnderTest;
let receiver: Server;
/** What the receiver answers, and the keys of the requests that it was called for. */
let answer = 503;
const calls: string[] = [];

beforeAll(async () => {
  receiver = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      calls.push(JSON.parse(Buffer.concat(chunks).toString()).payload.key);
      response.writeHead(answer).end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  emulator = await EmulatorUnderTest.start([path.join(import.meta.dirname, 'apps/witness.py')]);
  await emulator.run('witness.py');
}, 300_000);

afterAll(async () => {
  await emulator?.dispose();
  receiver.closeAllConnections();
  await new Promise((resolve) => receiver.close(resolve));
}, 120_000);

test('webhooks that wait for their receiver, and values of the key-value store, survive kill -9', async () => {
  const keys = Array.from({ length: 20 }, (_, i) => `hook-${i}`);
  const hook = encodeURIComponent(`http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`);
  for (const key of keys) {
    const body = JSON.stringify({ key });
    const headers = { 'content-type': 'application/json' };
    const sent = await fetch(`${emulator.url}/queue/local/witness?fal_webhook=${hook}`, {
      method: 'POST',
      body,
      headers,
    });
    expect(sent.status).toBe(200);
    const set = await fetch(`${emulator.url}${KV}/${key}`, { method: 'PUT', body: key });
    expect(set.status).toBe(200);
  }
  await vi.waitFor(() => expect(new Set(calls).size).toBe(keys.length), { timeout: 60_000, interval: 50 });

  await emulator.kill();
  calls.length = 0;
  answer = 200;
  await emulator.boot();

  // No app is registered: what is called for is the stored result alone.
  await vi.waitFor(() => expect(new Set(calls)).toEqual(new Set(keys)), { timeout: 60_000, interval: 50 });
  for (const key of keys) {
    const value = await fetch(`${emulator.url}/kv/get/durability/${key}`);
    expect(await value.json()).toEqual({ value: key });
  }
}, 180_000);
