import { writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import path from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EmulatorUnderTest } from '../support/emulator.ts';

let emulator: EmulatorUnderTest;

beforeAll(async () => {
  emulator = await EmulatorUnderTest.start([path.join(import.meta.dirname, 'apps')]);
  await emulator.run('apps/good.py');
}, 300_000);

afterAll(() => emulator?.dispose(), 120_000);

interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
}

/** A request with exactly these headers: fetch would not send a foreign Host or Origin. */
function send(method: string, pathname: string, options: { headers?: Record<string, string>; body?: string } = {}) {
  return new Promise<Answer>((resolve, reject) => {
    const { port } = new URL(emulator.url);
    const headers = { 'content-type': 'application/json', ...options.headers };
    // A connection each: one that announced more than it sent must not carry the next request.
    const call = httpRequest({ host: '127.0.0.1', port, method, path: pathname, headers, agent: false }, (res) => {
      let text = '';
      res.on('data', (chunk) => {
        text += chunk;
      });
      res.on('end', () => resolve({ status: res.statusCode ?? 0, headers: res.headers, text }));
    });
    call.on('error', reject);
    call.end(options.body);
  });
}

const post = (pathname: string, body: unknown) => send('POST', pathname, { body: JSON.stringify(body) });

async function stillUp(): Promise<void> {
  const answer = await post('/run/local/good', { count: 3 });
  expect([answer.status, answer.text]).toEqual([200, '{"count":3}']);
}

interface Status {
  status: string;
  logs: { message: string }[];
}

/** Polls until the request has ended; its last status with logs. */
async function completed(where: string): Promise<Status> {
  for (;;) {
    const status: Status = JSON.parse((await send('GET', `${where}/status?logs=1`)).text);
    if (status.status === 'COMPLETED') return status;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

interface Case {
  name: string;
  method?: string;
  path: string;
  headers?: Record<string, string>;
  body?: string;
  status: number;
  /** The value of x-windtunnel-error, where the answer is ours and not the app's. */
  code?: string;
  says?: RegExp;
}

const cases: Case[] = [
  {
    name: 'an unknown app',
    path: '/run/local/nobody',
    body: '{}',
    status: 404,
    code: 'E_UNKNOWN_APP',
    says: /local\/good/,
  },
  {
    name: 'an unknown endpoint',
    path: '/run/local/good/nowhere',
    body: '{}',
    status: 404,
    says: /Path \/nowhere not found/,
  },
  { name: 'JSON that is none', path: '/run/local/good', body: '{count', status: 422, says: /JSON/i },
  { name: 'input of the wrong type', path: '/run/local/good', body: '{"count":"x"}', status: 422, says: /count/ },
  { name: 'a method that is not served', method: 'DELETE', path: '/run/local/good', status: 405 },
  {
    name: 'a bad start timeout',
    path: '/queue/local/good',
    headers: { 'x-fal-request-start-timeout': 'soon' },
    body: '{"count":1}',
    status: 400,
    says: /start/i,
  },
  {
    name: 'a bad lifecycle preference',
    path: '/queue/local/good',
    headers: { 'x-fal-object-lifecycle-preference': '{nope' },
    body: '{"count":1}',
    status: 400,
  },
  {
    name: 'a foreign Origin',
    path: '/run/local/good',
    headers: { origin: 'https://evil.example' },
    body: '{"count":1}',
    status: 403,
    code: 'E_FOREIGN_ORIGIN',
  },
  {
    name: 'a foreign Host (DNS rebinding)',
    path: '/run/local/good',
    headers: { host: 'evil.example' },
    body: '{"count":1}',
    status: 421,
    code: 'E_FOREIGN_HOST',
  },
  {
    name: 'a key that is not ours',
    path: '/run/local/good',
    headers: { authorization: 'Key some:body' },
    body: '{"count":1}',
    status: 401,
    code: 'E_UNAUTHORIZED',
  },
  {
    name: 'a body over the limit',
    path: '/run/local/good',
    headers: { 'content-length': '99999999999' },
    status: 413,
    code: 'E_LIMIT',
  },
  {
    name: 'headers over the limit',
    path: '/run/local/good',
    headers: { 'x-long': 'x'.repeat(20_000) },
    body: '{"count":1}',
    status: 431,
    code: 'E_LIMIT',
    says: /headers are over 16384 bytes/,
  },
  {
    name: 'an unknown request',
    method: 'GET',
    path: '/queue/local/good/requests/00000000-0000-4000-8000-000000000000/status',
    status: 404,
    code: 'E_UNKNOWN_REQUEST',
  },
  {
    name: 'a public model',
    path: '/run/fal-ai/flux/dev',
    body: '{}',
    status: 404,
    code: 'E_PUBLIC_MODEL',
    says: /run --as|--as/,
  },
  {
    name: 'a part of fal that is not emulated',
    path: '/_h/rest.fal.ai/workflows/',
    body: '{}',
    status: 501,
    code: 'E_NOT_EMULATED',
  },
];

describe('bad requests: a typed answer, and the emulator stays up', () => {
  for (const item of cases) {
    test(item.name, async () => {
      const { method = 'POST', headers = {}, body } = item;
      const answer = await send(method, item.path, { headers, ...(body === undefined ? {} : { body }) });
      expect(answer.status, answer.text).toBe(item.status);
      if (item.code) expect(answer.headers['x-windtunnel-error']).toBe(item.code);
      if (item.says) expect(answer.text).toMatch(item.says);
      await stillUp();
    }, 120_000);
  }
});

describe('apps that misbehave while they serve', () => {
  test('sys.exit in an endpoint: said as what it is, on the direct path and in the queue', async () => {
    const answer = await post('/run/local/good/exit', {});
    expect([answer.status, answer.headers['x-fal-error-type']]).toEqual([503, 'runner_disconnected']);
    expect(answer.text).toMatch(/The runner ended while it worked on the request/);
    const sent = await send('POST', '/queue/local/good/exit', { headers: { 'x-fal-no-retry': '1' }, body: '{}' });
    const where = `/queue/local/good/requests/${JSON.parse(sent.text).request_id}`;
    await completed(where);
    const result = await send('GET', where);
    expect([result.status, JSON.parse(result.text)]).toEqual([
      503,
      { detail: expect.stringMatching(/^The runner (ended|of local\/good ended)/), error_type: 'runner_disconnected' },
    ]);
    expect((await emulator.cli('logs', 'good')).stdout).toMatch(/SystemExit: 3/);
    await stillUp();
  }, 120_000);

  test('a process that dies under a direct call: 503 runner_disconnected, and a fresh runner', async () => {
    const answer = await post('/run/local/good/die', {});
    expect(answer.status, answer.text).toBe(503);
    expect(answer.headers['x-fal-error-type']).toBe('runner_disconnected');
    await stillUp();
  }, 120_000);

  test('an endpoint that blocks the loop holds up its own runner only', async () => {
    const release = path.join(emulator.folder, 'release');
    let over = false;
    const blocked = post('/run/local/good/block', { until: release }).finally(() => {
      over = true;
    });
    const sent = JSON.parse((await post('/queue/local/good', { count: 5 })).text);
    const status = await send('GET', `/queue/local/good/requests/${sent.request_id}/status`);
    expect([200, 202]).toContain(status.status);
    expect((await emulator.cli('ps')).stdout).toMatch(/local\/good/);
    expect(over, 'nothing waited for it').toBe(false);
    writeFileSync(release, '');
    expect((await blocked).status).toBe(200);
    await stillUp();
  }, 120_000);

  test('100 MB of output: bounded, said in one line, and the result is there', async () => {
    const sent = JSON.parse((await post('/queue/local/good/noise', { megabytes: 100 })).text);
    const where = `/queue/local/good/requests/${sent.request_id}`;
    const status = await completed(where);
    const bytes = status.logs.reduce((sum, line) => sum + line.message.length, 0);
    expect(bytes).toBeLessThan(6 * 1024 * 1024);
    expect(status.logs.at(-1)?.message).toMatch(/limit|dropped/i);
    expect((await send('GET', where)).text).toBe('{"printed":100}');
    await stillUp();
  }, 120_000);

  test('an exception in an endpoint: 500, and the traceback is in the request log', async () => {
    const sent = JSON.parse((await post('/queue/local/good/raise', {})).text);
    const where = `/queue/local/good/requests/${sent.request_id}`;
    const status = await completed(where);
    expect((await send('GET', where)).status).toBe(500);
    expect(status.logs.map((line) => line.message).join('\n')).toMatch(/ValueError: the model is not loaded/);
  }, 120_000);

  test('one endless line: cut with a mark, and the next line is whole', async () => {
    const sent = JSON.parse((await post('/queue/local/good/line', { bytes: 3_000_000 })).text);
    const { logs } = await completed(`/queue/local/good/requests/${sent.request_id}`);
    const messages = logs.map((line) => line.message);
    expect(messages.length).toBe(2);
    expect(messages[0]).toMatch(/^l{16000,16384} … \[cut\]$/);
    expect(messages[1]).toBe('next');
    await stillUp();
  }, 120_000);

  test('a body that streams in is passed on whole', async () => {
    const bytes = 5_000_000;
    const answer = await fetch(`${emulator.url}/run/local/good/size`, {
      method: 'POST',
      body: Readable.toWeb(Readable.from([Buffer.alloc(bytes, 1)])) as ReadableStream,
      duplex: 'half',
    } as RequestInit);
    expect(await answer.json()).toEqual({ bytes });
  }, 120_000);
});
