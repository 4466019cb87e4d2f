import { beforeEach, expect, test } from 'vitest';
import type { EmulatorEvent, RunnerState, StartPhase } from '../contract/index.ts';
import { EventPrinter } from './event-lines.ts';
import { localTime } from './log-line.ts';
import { styleOf } from './style.ts';

let lines: string[];
let status: string | null;
let statuses: string[];
let readies: number;
let printer: EventPrinter;
/** ms since the epoch. */
let now: number;

const make = (verbose: boolean, colours = false) =>
  new EventPrinter({
    print: (line) => lines.push(line),
    status: (text) => {
      status = text;
      if (text !== null) statuses.push(text);
    },
    style: styleOf(colours, {}),
    verbose,
    home: 'local/a',
    onReady: () => {
      readies += 1;
    },
  });

beforeEach(() => {
  [lines, status, statuses, readies, now] = [[], null, [], 0, 1_700_000_000_000];
  printer = make(false);
});

const app = 'local/a' as const;
const runner = '12345678-90';
const request = 'abcdef01-23';
/** What was printed, without the times. */
const said = () => lines.map((line) => line.replace(/^\d\d:\d\d:\d\d {2}/, ''));
const state = (to: RunnerState, phase: StartPhase | null, seconds: number, of = runner, reason = '') => {
  now += seconds * 1000;
  printer.print({ at: now, type: 'runner.state', app, runner: of, state: to, phase, reason });
};
const log = (message: string, to: string | null, level: 'STDOUT' | 'DEBUG' = 'STDOUT', from = runner) =>
  printer.print({
    at: now,
    type: 'log',
    app,
    runner: from,
    request: to,
    line: { timestamp: new Date(now).toISOString(), level, message, source: 'USER', labels: {} },
  });
const progress = (message: string) => printer.print({ at: now, type: 'environment.progress', app, message });

/** A first start that builds its environment: states come as the fleet tells them, some twice. */
function firstStart() {
  state('PENDING', null, 0);
  state('PENDING', 'installing', 0);
  progress('Installing pillow>=11');
  for (let i = 0; i < 90; i++) progress(` + package-${i}==1`);
  printer.print({ at: now, type: 'environment.ready', app, key: 'k', cached: false, seconds: 1.1 });
  state('SETUP', 'booting', 1.1);
  state('SETUP', 'booting', 0);
  log('INFO:     Started server process [1]', null, 'DEBUG');
  state('SETUP', 'importing', 0.1);
  state('SETUP', 'setup', 1.5);
  log('3 palettes', null);
  state('IDLE', null, 0.2);
}

test('a first start is four lines: environment, import, what setup() printed, ready with what took how long', () => {
  firstStart();
  expect(said()).toEqual([
    'environment ready in 1.1 s, 90 packages',
    'imported in 1.6 s',
    '| 3 palettes',
    'ready in 2.9 s (environment 1.1, import 1.6, setup 0.2)',
  ]);
  expect(lines[0]?.slice(0, 8)).toBe(localTime(1_700_000_000_000));
  expect(statuses).toEqual(['environment: Installing pillow>=11', 'importing', 'setup()']);
  expect(status).toBeNull();
  expect(readies).toBe(1);
});

test('with --verbose every package, state and word of the server is told', () => {
  printer = make(true);
  firstStart();
  expect(said()).toEqual(expect.arrayContaining([' + package-89==1', '| INFO:     Started server process [1]']));
  expect(said()).toContain('runner 12345678 SETUP importing');
});

test('a cached environment is not worth a line', () => {
  printer.print({ at: now, type: 'environment.ready', app, key: 'k', cached: true, seconds: 0.1 });
  expect(lines).toEqual([]);
});

const requestState = (event: Partial<Extract<EmulatorEvent, { type: 'request.state' }>>) =>
  printer.print({
    at: now,
    type: 'request.state',
    app,
    request,
    state: 'IN_QUEUE',
    attempt: 0,
    runner: null,
    path: '/paint',
    status: null,
    seconds: null,
    reason: '',
    ...event,
  });

test('a request is a line at its start and one at its end, with its own lines between', () => {
  requestState({});
  requestState({ state: 'IN_PROGRESS', attempt: 1 });
  log('painting', request);
  requestState({ state: 'IN_QUEUE', attempt: 1, reason: 'the runner was lost' });
  requestState({ state: 'IN_PROGRESS', attempt: 2 });
  requestState({ state: 'COMPLETED', attempt: 2, status: 200, seconds: 1.234 });
  expect(said()).toEqual([
    'abcdef01  /paint  attempt 1  started',
    'abcdef01 | painting',
    'abcdef01  /paint  attempt 1  back in the queue: the runner was lost',
    'abcdef01  /paint  attempt 2  started',
    'abcdef01  /paint  attempt 2  200  1.23 s',
  ]);
});

test('so is a direct call, and a failure says why', () => {
  const about = { at: now, app, request, runner, path: '/' } as const;
  printer.print({ type: 'direct.started', ...about });
  printer.print({ type: 'direct', ...about, status: 0, seconds: 0.0421 });
  requestState({ state: 'COMPLETED', status: 504, reason: 'Request timed out' });
  expect(said()).toEqual([
    'abcdef01  /  direct  started',
    'abcdef01  /  direct  no answer  42 ms',
    'abcdef01  /paint  attempt 0  504  Request timed out',
  ]);
});

test('a failed start is told once, by its error, and ends the status', () => {
  state('PENDING', null, 0);
  state('SETUP', 'setup', 1);
  const error = { code: 'E_APP_SETUP', kind: 'app', message: 'app.py:5: boom', detail: 'Traceback\n  boom' } as const;
  printer.print({ at: now, type: 'app.failed', app, revision: 'r', error });
  state('TERMINATING', null, 0, runner, 'app.py:5: boom');
  printer.print({
    at: now,
    type: 'runner.exit',
    app,
    runner,
    exit: { code: 1, signal: null, cause: 'startup', error },
  });
  expect(said().filter((line) => line.includes('boom'))).toEqual(['error: app.py:5: boom [E_APP_SETUP]', '  |   boom']);
  expect(status).toBeNull();
});

test('a runner that crashed, one that is stopped with a reason, and which of two printed', () => {
  firstStart();
  state('PENDING', null, 1, 'ffffffff-2');
  log('hello', null, 'STDOUT', 'ffffffff-2');
  state('TERMINATING', null, 1, runner, 'idle for keep_alive (60 s)');
  const exit = { code: null, signal: 'SIGKILL', cause: 'crashed', error: null } as const;
  printer.print({ at: now, type: 'runner.exit', app, runner, exit });
  expect(said().slice(4)).toEqual([
    'runner ffffffff | hello',
    'runner stops: idle for keep_alive (60 s)',
    'runner ended: crashed, SIGKILL',
  ]);
});

test('another app is named; colours are for terminals only', () => {
  printer = make(false, true);
  printer.print({ at: now, type: 'app.reload', app: 'local/other', revision: 'r', reason: 'x.py changed' });
  printer.print({ at: now, type: 'app.reload', app, revision: 'r', reason: 'a.py changed' });
  const time = `\x1b[2m${localTime(now)}\x1b[0m`;
  expect(lines).toEqual([`${time}  local/other  reload: x.py changed`, `${time}  reload: a.py changed`]);
  for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) expect(styleOf(true, env).red('x')).toBe('x');
  expect([styleOf(false, {}).red('x'), styleOf(true, { NO_COLOR: '' }).red('x')]).toEqual(['x', '\x1b[31mx\x1b[0m']);
});
