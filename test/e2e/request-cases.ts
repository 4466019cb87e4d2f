import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RequestDocumentSchema } from '../../emulator/contract/index.ts';
import { EmulatorUnderTest } from '../support/emulator.ts';
import type { EngineUnderTest } from '../support/engine-under-test.ts';

/** The record of a request, and its replay. */
export function requestCases(engine: EngineUnderTest): void {
  let emulator: EmulatorUnderTest;
  /** A request that ran, by its id. */
  let id: string;

  beforeAll(async () => {
    if (!(await engine.start())) return;
    const app = path.join(import.meta.dirname, '../faults/apps/steady.py');
    emulator = await EmulatorUnderTest.start([app], engine.env());
    // Not started: the first request waits for a cold start.
    await emulator.register('steady.py');
    const called = await emulator.cli('call', 'steady', '--input', '{"n": 1, "seed": 5}');
    id = /request (\S+)/.exec(called.stderr)?.[1] ?? called.stderr;
  }, 300_000);

  afterAll(() => emulator?.dispose(), 60_000);

  test('logs REQUEST tells the story of a request, by the first characters of its id', async () => {
    const { stdout, code } = await emulator.cli('logs', id.slice(0, 8));
    expect(code).toBe(0);
    const steps = ['queued', '"seed": 5', 'cold start', 'attempt 1 on runner', 'completed 200', '"answer": 1'];
    expect(stdout).toMatch(new RegExp(steps.join('[\\s\\S]*')));
    expect(stdout).toMatch(/image [\d.]+ m?s, boot [\d.]+ m?s, import [\d.]+ m?s, setup [\d.]+ m?s/);
    const events = (await emulator.cli('logs', id, '--json')).stdout.trim().split('\n');
    expect(JSON.parse(events.at(-1) ?? '')).toMatchObject({ type: 'request.body', which: 'output' });
  }, 60_000);

  test('logs REQUEST --export is one document', async () => {
    const { stdout } = await emulator.cli('logs', id, '--export');
    const { request, events } = RequestDocumentSchema.parse(JSON.parse(stdout));
    expect(request).toMatchObject({ id, app: 'local/steady', state: 'COMPLETED', status: 200, attempts: 1 });
    expect(events[0]).toMatchObject({ type: 'request.state', state: 'IN_QUEUE', request: id });
    const unknown = await emulator.cli('logs', 'ffffffff', '--export');
    expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining('E_UNKNOWN_REQUEST')]);
  }, 60_000);

  test('replay runs it again, edited, and shows both side by side', async () => {
    const { stdout, stderr, code } = await emulator.cli('replay', id.slice(0, 8), '--edit', '{"n": 2, "seed": null}');
    expect(code).toBe(0);
    expect(stderr).toContain(`runs ${id.slice(0, 8)} again`);
    expect(stdout).toMatch(/status\s+200\s+status\s+200/);
    expect(stdout).toMatch(/"n": 1,\s+\| +"n": 2\n/);
    expect(stdout).toMatch(/"seed": 5\s+</);
    expect(stdout).toMatch(/"answer": 1\s+\| +"answer": 2/);
    const [again] = await emulator.client.requests({ limit: 1 });
    const { events } = await emulator.client.request(again?.id ?? '');
    expect(events).toContainEqual(expect.objectContaining({ type: 'request.replay', of: id }));

    const failing = await emulator.cli('replay', id, '--edit', '{"n": null}', '--json');
    expect(failing.code).toBe(1);
    expect(JSON.parse(failing.stdout)).toMatchObject({
      original: { request: { id, status: 200 } },
      replay: { request: { status: 500 } },
    });
    expect((await emulator.cli('replay', id, '--edit', '{n}')).code).toBe(2);
  }, 60_000);

  test('a request that was not to be stored has no input to run again', async () => {
    const headers = { 'content-type': 'application/json', 'x-fal-store-io': '0' };
    const submitted = await fetch(`${emulator.url}/queue/local/steady`, { method: 'POST', headers, body: '{"n":3}' });
    const { request_id: secret } = (await submitted.json()) as { request_id: string };
    const { stdout } = await emulator.cli('logs', secret, '-f');
    expect(stdout).toContain('X-Fal-Store-IO');
    expect(stdout).not.toContain('"answer": 3');
    expect(await (await fetch(`${emulator.url}/queue/local/steady/requests/${secret}`)).json()).toEqual({ answer: 3 });
    const refused = await emulator.cli('replay', secret);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('was not stored')]);
  }, 60_000);
}
