import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Fixture, startFleet } from '../../test/support/fleet-fixture.ts';
import { LAST_LINES_MS } from './request-ends.ts';

let f: Fixture;
/** Requests that the runner has answered. */
let answered: string[];
beforeEach(() => {
  f = startFleet();
  f.engine.tellsEnds = false;
  answered = [];
  f.engine.app = (request, response) => {
    response.once('close', () => answered.push(String(request.headers['x-fal-request-id'])));
    response.writeHead(200).end('{}');
  };
});
afterEach(async () => {
  await f.fleet.dispose();
  await f.engine.dispose();
  f.store.dispose();
  expect(f.complaints).toEqual([]);
});

const runner = () => f.engine.runners[0]!;
const print = (request: string, message: string) =>
  runner().hooks.onLog({ request, level: 'STDOUT', message, at: f.clock.now() });
/** Time enough for an answer that is there to be taken in, had nothing held it back. */
const settle = async () => {
  for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
};

it('is complete only with its last line, which comes after the answer', async () => {
  await f.register();
  const record = await f.submit();
  await f.until(() => answered.includes(record.id));
  await settle();
  expect(record.state).toBe('IN_PROGRESS');
  print(record.id, 'last words');
  runner().hooks.onRequestEnd(record.id);
  await f.completed(record);
  expect((await f.store.logs(record.id)).map((line) => line.message)).toEqual(['last words']);
});

it('does not wait when the end was told before the answer came', async () => {
  f.engine.app = (request, response, told) => {
    told.hooks.onRequestEnd(String(request.headers['x-fal-request-id']));
    response.writeHead(200).end('{}');
  };
  await f.register();
  await f.completed(await f.submit());
});

it('gives up on an end that is not told, without keeping the slot meanwhile', async () => {
  await f.register({ maxConcurrency: 1 });
  const first = await f.submit();
  const second = await f.submit();
  await f.until(() => answered.includes(second.id));
  await settle();
  expect([first.state, second.state]).toEqual(['IN_PROGRESS', 'IN_PROGRESS']);
  f.clock.advance(LAST_LINES_MS - 1);
  await settle();
  expect(first.state).toBe('IN_PROGRESS');
  f.clock.advance(1);
  await f.completed(first);
  await f.completed(second);
});

it('takes the end of the runner for the end of its lines', async () => {
  await f.register();
  const record = await f.submit();
  await f.until(() => answered.includes(record.id));
  await settle();
  print(record.id, 'before the crash');
  runner().crash();
  expect((await f.completed(record)).record.outcome?.status).toBe(200);
});

it('waits for no server that tells no ends', async () => {
  f.engine.reportsEnds = false;
  await f.register();
  await f.completed(await f.submit());
});

it('stops at once with an end that is still awaited, and keeps the result', async () => {
  await f.register();
  const record = await f.submit();
  await f.until(() => answered.includes(record.id));
  await settle();
  await f.fleet.dispose();
  expect(record.state).toBe('COMPLETED');
});
