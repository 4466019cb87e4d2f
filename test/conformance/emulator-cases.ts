import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { EmulatorUnderTest } from '../support/emulator.ts';
import type { EngineUnderTest } from '../support/engine-under-test.ts';
import { requires } from '../support/skip.ts';

const execute = promisify(execFile);
const apps = path.join(import.meta.dirname, 'apps');
interface Submitted {
  request_id: string;
  status_url: string;
  response_url: string;
}

/** What its own command line and curl alone show; each test has an emulator of its own. */
export function emulatorCases(engine: EngineUnderTest): void {
  let emulator: EmulatorUnderTest;

  beforeAll(engine.start.bind(engine), 180_000);

  beforeEach(async () => {
    emulator = await EmulatorUnderTest.start([apps], engine.env());
  }, 120_000);

  afterEach(() => emulator?.dispose(), 120_000);

  const post = async (pathname: string, body: unknown, base = emulator.url) => {
    const answer = await fetch(`${base}${pathname}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as never };
  };

  /** The result of a request by its id, from wherever the emulator listens now. */
  async function result(app: string, id: string): Promise<{ status: number; body: unknown }> {
    for (let i = 0; i < 600; i++) {
      const status = (await (await fetch(`${emulator.url}/queue/${app}/requests/${id}/status`)).json()) as {
        status: string;
      };
      if (status.status === 'COMPLETED') {
        const answer = await fetch(`${emulator.url}/queue/${app}/requests/${id}`);
        return { status: answer.status, body: await answer.json() };
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`request ${id} did not complete in 30 s`);
  }

  describe('the emulator itself', () => {
    for (const how of ['down', 'kill -9'] as const) {
      test(`#25 E: queued work and results survive a restart of the emulator (${how})`, async () => {
        await emulator.run('apps/line.py');
        const submit = async (body: unknown) => (await post('/queue/local/line', body)).body as Submitted;
        const done = await submit({ key: 'r-done' });
        expect((await result('local/line', done.request_id)).body).toEqual({ key: 'r-done' });
        const running = await submit({ key: 'r-running', seconds: 2 });
        const waiting = await submit({ key: 'r-waiting' });

        if (how === 'down') await emulator.stop();
        else await emulator.kill();
        await emulator.boot();

        expect((await result('local/line', done.request_id)).body).toEqual({ key: 'r-done' });
        const status = await fetch(`${emulator.url}/queue/local/line/requests/${waiting.request_id}/status`);
        expect(await status.json()).toMatchObject({ status: 'IN_QUEUE' });
        await emulator.run('apps/line.py');
        expect((await result('local/line', running.request_id)).body).toEqual({ key: 'r-running' });
        expect((await result('local/line', waiting.request_id)).body).toEqual({ key: 'r-waiting' });
      }, 180_000);
    }

    test('#67 C: the same app by curl alone', async (context) => {
      await requires('curl')(context);
      await emulator.run('apps/line.py');
      const curl = async (...args: string[]) => {
        const { stdout } = await execute('curl', ['-sS', '--fail-with-body', '--max-time', '60', ...args], {
          env: emulator.env,
        });
        return JSON.parse(stdout) as never;
      };
      const json = ['-H', 'content-type: application/json', '-d', '{"key":"by-curl"}'];
      const sent: Submitted = await curl(...json, `${emulator.url}/queue/local/line`);
      expect(await result('local/line', sent.request_id)).toEqual({ status: 200, body: { key: 'by-curl' } });
      expect(await curl(sent.response_url), 'the URL in the answer works as it is').toEqual({ key: 'by-curl' });
      expect(await curl(...json, `${emulator.url}/run/local/line`)).toEqual({ key: 'by-curl' });
      expect(await curl(...json, `${emulator.url}/local/line`)).toEqual({ key: 'by-curl' });
    }, 120_000);

    test('#68 E: two apps share /data, across restarts', async () => {
      await Promise.all([emulator.run('apps/probe.py'), emulator.run('apps/line.py')]);
      const wrote = await post('/run/local/probe/data/write', { name: 'shared.txt', text: 'from probe' });
      expect(wrote.status).toBe(200);
      const read = async () => (await post('/run/local/line/data/read', { name: 'shared.txt' })).body;
      expect(await read()).toEqual({ text: 'from probe' });
      await emulator.stop();
      await emulator.boot();
      await emulator.run('apps/line.py');
      expect(await read()).toEqual({ text: 'from probe' });
    }, 180_000);
  });
}
