import { generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MemoryStore } from '../../../test/support/memory-store.ts';
import { type EmulatorEvent, type HeaderList, LIMITS, type RequestOutcome } from '../../contract/index.ts';
import { EventBus } from '../../core/event-bus.ts';
import { FakeClock } from '../../core/fake-clock.ts';
import { createLog } from '../../core/log.ts';
import { makeOutcome, makeRecord } from '../../store/fixtures/records.ts';
import { WebhookDeliverer } from './deliverer.ts';
import { WebhookSigner } from './signer.ts';

type WebhookEvent = Extract<EmulatorEvent, { type: 'webhook' }>;
interface Call {
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}

const signer = new WebhookSigner(
  generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
);
let clock: FakeClock;
let store: MemoryStore;
let bus: EventBus;
let server: Server;
let calls: Call[];
let events: WebhookEvent[];
/** What the receiver does with its n-th call (from 1). */
let receive: (response: ServerResponse, n: number) => void;
let deliverer: WebhookDeliverer | null;
let port: number;

beforeEach(async () => {
  clock = new FakeClock();
  store = new MemoryStore();
  bus = new EventBus(clock);
  calls = [];
  events = [];
  deliverer = null;
  receive = (response) => void response.end();
  bus.on((event) => event.type === 'webhook' && void events.push(event));
  server = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      calls.push({ url: incoming.url ?? '', headers: incoming.headers, body: Buffer.concat(chunks).toString() });
      receive(response, calls.length);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});

afterEach(async () => {
  await deliverer?.dispose();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const publicUrl = () => `http://127.0.0.1:${port}`;

function start(): WebhookDeliverer {
  deliverer = new WebhookDeliverer({
    store,
    bus,
    clock,
    log: createLog(() => undefined),
    signer,
    user: 'me',
    publicUrl,
    retrySeconds: [1, 5],
  });
  return deliverer;
}

interface Ended {
  id?: string;
  webhook?: string;
  body?: string | Buffer;
  type?: string;
  outcome?: Partial<RequestOutcome>;
}

/** A request that ends with this answer of its app. */
async function ended({ id = 'r1', webhook = `${publicUrl()}/hook`, body = '{}', type, outcome = {} }: Ended) {
  const record = makeRecord({ id, seq: store.nextSeq(), webhook });
  await store.submit(record, { kind: 'bytes', bytes: Buffer.from('{}') });
  record.gatewayRequestId = `${id}-last`;
  const headers: HeaderList = [['content-type', type ?? 'application/json']];
  const bytes = Buffer.from(body);
  await store.complete(record, makeOutcome({ headers, ...outcome }), clock.now(), { kind: 'bytes', bytes });
  const { app, path } = record;
  const rest = { attempt: 1, runner: null, status: 200, seconds: 0, reason: '' };
  bus.emit({ type: 'request.state', app, request: id, state: 'COMPLETED', path, ...rest });
}

const eventCount = (n: number) => vi.waitFor(() => expect(events).toHaveLength(n), { timeout: 60_000 });
const bodies = () => calls.map(({ body }) => JSON.parse(body));

describe('the body of a webhook', () => {
  it('is OK with the app’s own JSON where the answer is 200', async () => {
    start();
    await ended({ body: '{"b": 2.0, "a": "ü"}' });
    await eventCount(1);
    expect(bodies()).toEqual([
      { request_id: 'r1', gateway_request_id: 'r1-last', status: 'OK', payload: { a: 'ü', b: 2 } },
    ]);
    expect(calls[0]?.body, 'its bytes are not written anew').toContain('{"b": 2.0, "a": "ü"}');
    expect(calls[0]?.headers['content-type']).toBe('application/json');
  });

  it.each([201, 422, 500, 499])(
    'is ERROR with the status and the app’s body where the answer is %i',
    async (status) => {
      start();
      await ended({ body: '{"detail":"no"}', outcome: { status } });
      await eventCount(1);
      expect(bodies()[0]).toMatchObject({
        status: 'ERROR',
        error: `Invalid status code: ${status}`,
        payload: { detail: 'no' },
      });
    },
  );

  it.each([
    ['image/png', 200, 'OK', Buffer.from([0x89, 0x50])],
    ['text/plain', 200, 'OK', 'true'],
    ['application/json', 200, 'OK', '{"cut'],
    ['text/html', 404, 'ERROR', '<p>no</p>'],
  ])('has payload null and payload_error for %s with %i', async (type, status, word, body) => {
    start();
    await ended({ body, type, outcome: { status } });
    await eventCount(1);
    expect(bodies()[0]).toMatchObject({
      status: word,
      payload: null,
      payload_error: expect.stringContaining('not JSON serializable'),
    });
  });

  it('names files here by an address that a receiver outside `exec` can read', async () => {
    start();
    const file = `files/wt-${'0'.repeat(32)}/a.png`;
    await ended({ body: JSON.stringify({ url: `https://v3.fal.media/${file}` }) });
    await eventCount(1);
    expect(bodies()[0]).toMatchObject({ payload: { url: `${publicUrl()}/${file}` } });
  });

  it('leaves out a result over the limit, and says so', async () => {
    start();
    await ended({ body: Buffer.alloc(LIMITS.webhookPayloadBytes + 1, '1') });
    await eventCount(1);
    expect(bodies()[0]).toMatchObject({
      status: 'OK',
      payload: null,
      payload_error: expect.stringContaining('larger'),
    });
  });
});

describe('the delivery of a webhook', () => {
  it('is tried again after each failure, signed anew, until it is acknowledged', async () => {
    receive = (response, n) => void response.writeHead(n < 3 ? 500 : 204).end();
    start();
    await ended({});
    await eventCount(1);
    await clock.advanceAsync(1000);
    await eventCount(2);
    await clock.advanceAsync(5000);
    await eventCount(3);
    expect(events.map(({ call, result, status }) => [call, result, status])).toEqual([
      [1, 'again', 500],
      [2, 'again', 500],
      [3, 'delivered', 204],
    ]);
    expect(new Set(calls.map(({ body }) => body)).size).toBe(1);
    expect(new Set(calls.map(({ headers }) => headers['x-fal-webhook-signature'])).size).toBe(3);
    expect(store.deliveries()).toEqual([]);
    await clock.advanceAsync(3_600_000);
    expect(calls).toHaveLength(3);
  });

  it('is given up after the last wait', async () => {
    receive = (response) => void response.writeHead(503).end();
    start();
    await ended({});
    for (const [n, ms] of [1000, 5000].entries()) {
      await eventCount(n + 1);
      await clock.advanceAsync(ms);
    }
    await eventCount(3);
    expect(events[2]).toMatchObject({ result: 'given up', reason: expect.stringContaining('3 calls'), nextAt: null });
    expect(store.deliveries()).toEqual([]);
  });

  it('follows no redirect', async () => {
    receive = (response) => void response.writeHead(307, { location: '/elsewhere' }).end();
    start();
    await ended({});
    await eventCount(1);
    expect(events[0]).toMatchObject({ result: 'given up', status: 307 });
    expect(calls).toHaveLength(1);
  });

  it('waits 15 s for an answer', async () => {
    receive = () => undefined;
    start();
    await ended({});
    await vi.waitFor(() => expect(calls).toHaveLength(1), { timeout: 60_000 });
    await clock.advanceAsync(15_000);
    await eventCount(1);
    expect(events[0]).toMatchObject({ result: 'again', status: null, reason: 'no answer within 15 s' });
  });

  it('says why there was no answer', async () => {
    start();
    await new Promise((resolve) => server.close(resolve));
    await ended({ webhook: `http://127.0.0.1:${port}/?key=secret` });
    await eventCount(1);
    expect(events[0]).toMatchObject({ result: 'again', reason: expect.stringContaining('ECONNREFUSED') });
    expect(JSON.stringify(events), 'the query may hold a key').not.toContain('secret');
  });

  it('goes on where an earlier emulator was, at the time that was due', async () => {
    receive = (response) => void response.writeHead(500).end();
    const first = start();
    await ended({});
    await eventCount(1);
    await first.dispose();
    receive = (response) => void response.end();
    clock.advance(400);
    start();
    await clock.advanceAsync(599);
    expect(calls).toHaveLength(1);
    await clock.advanceAsync(1);
    await eventCount(2);
    expect(events[1]).toMatchObject({ call: 2, result: 'delivered' });
  });

  it('counts a call that the end of the emulator cut for nothing', async () => {
    receive = () => undefined;
    const first = start();
    await ended({});
    await vi.waitFor(() => expect(calls).toHaveLength(1), { timeout: 60_000 });
    await first.dispose();
    expect(events).toEqual([]);
    expect(store.deliveries()).toMatchObject([{ request: 'r1', tries: 0 }]);
  });

  it('sends the credentials of the URL as a header', async () => {
    start();
    await ended({ webhook: `http://me:p%40ss@127.0.0.1:${port}/hook?a=1` });
    await eventCount(1);
    expect(calls[0]).toMatchObject({
      url: '/hook?a=1',
      headers: { authorization: `Basic ${Buffer.from('me:p@ss').toString('base64')}` },
    });
  });

  it('calls a receiver under one of fal’s names here', async () => {
    start();
    await ended({ webhook: 'https://queue.fal.run/me/next?a=1' });
    await eventCount(1);
    expect(calls[0]?.url).toBe('/_h/queue.fal.run/me/next?a=1');
  });
});
