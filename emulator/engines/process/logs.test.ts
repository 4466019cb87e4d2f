import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FIXTURES, sourcePayload, TestBed, type TestRunner, until } from './testing.ts';

let bed: TestBed;
let runner: TestRunner;
beforeAll(async () => {
  bed = await TestBed.make();
  runner = await bed.start(bed.spec(sourcePayload(path.join(FIXTURES, 'behaviors.py'), 'Behaviors')));
  await runner.handle.ready;
});
afterAll(() => bed.dispose());

const PYTHON_LINES = [
  'from the endpoint',
  'from logging',
  'from a thread',
  'from an executor',
  'from to_thread',
  'from a task',
  'without a newline',
];
const ask = (id: string, seconds = 0) => runner.call('/logs', { seconds }, { 'x-fal-request-id': id });
const linesOf = (request: string | null) =>
  runner.logs.filter((log) => log.request === request && log.level !== 'DEBUG').map((log) => log.message);

it('gives a lone request all that was printed for it, by native code too', async () => {
  await ask('alone');
  await until('the last line came', () => linesOf('alone').includes('without a newline'));
  expect(linesOf('alone').sort()).toEqual([...PYTHON_LINES, 'from native code'].sort());
  expect(runner.logs.find((log) => log.message === 'from the endpoint')?.level).toBe('STDOUT');
});

it('keeps concurrent requests apart, and gives nobody what it cannot attribute', async () => {
  const before = linesOf(null).length;
  await Promise.all([ask('left', 0.5), ask('right', 0.5)]);
  await until('the last lines came', () => ['left', 'right'].every((id) => linesOf(id).includes('without a newline')));
  for (const id of ['left', 'right']) {
    expect(
      linesOf(id)
        .filter((line) => line !== 'from native code')
        .sort(),
    ).toEqual([...PYTHON_LINES].sort());
  }
  // The second of the two ran beside the first; the first may have printed before the second began.
  expect(linesOf(null).slice(before)).toContain('from native code');
});

it('cuts a line over the limit, with a mark', async () => {
  await runner.call('/long-line', {}, { 'x-fal-request-id': 'long' });
  await until('the next line came', () => linesOf('long').includes('next'));
  expect(linesOf('long')).toEqual([`${'y'.repeat(32 * 1024)} ... [line cut at 32 KiB]`, 'next']);
});

it('tells the end of a request after its last line, a child process’s included', async () => {
  // The one before is in flight until its end, and two share what native code prints.
  await until('the request before ended', () => runner.ends.some(({ request }) => request === 'long'));
  await runner.call('/last-words', { count: 7 }, { 'x-fal-request-id': 'ended' });
  await until('the end came', () => runner.ends.some(({ request }) => request === 'ended'));
  const [end, ...more] = runner.ends.filter(({ request }) => request === 'ended');
  expect(more).toEqual([]);
  const before = runner.logs.slice(0, end?.lines).filter((log) => log.request === 'ended');
  expect(before.map((log) => log.message)).toEqual(expect.arrayContaining(['from a child', 'last words 7']));
});

it('takes what the server and the SDK say about themselves for no output of the app', async () => {
  await runner.call('/last-words', {}, { 'x-fal-request-id': 'quiet' });
  const debug = runner.logs.filter((log) => log.level === 'DEBUG');
  const said = (text: string) => debug.some((log) => log.message.includes(text));
  await until('the request ended', () => runner.ends.some(({ request }) => request === 'quiet'));
  expect(
    runner.logs.some((log) => log.message.includes('HTTP/1.1')),
    'no access line',
  ).toBe(false);
  expect(said('[debug] Python packages installed: ')).toBe(true);
  expect(said('Started server process')).toBe(true);
  expect(debug.every((log) => log.request === null)).toBe(true);
  const user = runner.logs.filter((log) => log.level !== 'DEBUG').map((log) => log.message);
  expect(user.filter((line) => /uvicorn|INFO:|\[debug\]|server process/i.test(line))).toEqual([]);
});
