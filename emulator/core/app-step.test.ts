import { describe, expect, it } from 'vitest';
import { nextDeadline, queuePosition } from './app-state.ts';
import { answer, boom, dispatched, drive, OK, of, serving, started, stopped } from './testing/drive.ts';

describe('runners on demand', () => {
  it('starts none until a request comes, then as many as the requests need, up to max_concurrency', () => {
    const app = drive();
    expect(started(app.configure('v1'))).toEqual([]);
    expect(started(app.arrive('a'))).toEqual(['r1']);
    expect(started(app.arrive('b'))).toEqual(['r2']);
    expect(started(app.arrive('c'))).toEqual([]);
    expect(dispatched(app.ready('r1'))).toEqual(['a@r1#1']);
  });

  it('holds requests of an app that is not registered, and serves them once it is', () => {
    const app = drive();
    expect(app.arrive('a')).toEqual([]);
    expect(started(app.configure('v1'))).toEqual(['r1']);
    expect(dispatched(app.ready('r1'))).toEqual(['a@r1#1']);
  });

  it('gives one runner max_multiplexing requests at once', () => {
    const app = serving({ maxMultiplexing: 2, maxConcurrency: 1 });
    app.arrive('a');
    app.arrive('b');
    expect(dispatched(app.arrive('c'))).toEqual([]);
    expect(dispatched(app.end('a'))).toEqual(['c@r1#1']);
  });

  it('gives free slots in turn', () => {
    const app = serving({ minConcurrency: 3, maxConcurrency: 3 });
    app.ready('r2');
    app.ready('r3');
    const turns: string[] = [];
    for (const id of ['a', 'b', 'c', 'd']) {
      turns.push(...dispatched(app.arrive(id)));
      app.end(id);
    }
    expect(turns).toEqual(['a@r1#1', 'b@r2#1', 'c@r3#1', 'd@r1#1']);
  });

  it('prefers the runner that advertised the hint of a request', () => {
    const app = serving({ minConcurrency: 2 });
    app.ready('r2');
    app.arrive('a');
    app.end('a', OK, 1, ['lora-7']);
    expect(dispatched(app.arrive('b', { hint: 'lora-7' }))).toEqual(['b@r1#1']);
    expect(dispatched(app.arrive('c', { hint: 'lora-7' }))).toEqual(['c@r2#1']);
  });

  it('keeps min_concurrency runners, replaces one that ends, and starts concurrency_buffer beyond demand', () => {
    const app = drive({ minConcurrency: 1, maxConcurrency: 5, concurrencyBuffer: 1 });
    expect(started(app.configure('v1'))).toEqual(['r1']);
    app.ready('r1');
    expect(started(app.arrive('a'))).toEqual(['r2']);
    app.ready('r2');
    app.end('a');
    expect(started(app.exit('r1', boom))).toEqual([]);
    expect(started(app.exit('r2', boom)).length + started(app.pass(60)).length).toBe(1);
  });

  it('waits scaling_delay before it starts a runner for a waiting request', () => {
    const app = drive({ scalingDelay: 7 });
    app.configure('v1');
    expect(started(app.arrive('a'))).toEqual([]);
    expect(started(app.pass(6.9))).toEqual([]);
    expect(started(app.pass(0.1))).toEqual(['r1']);
  });
});

describe('scale down', () => {
  it('stops a runner keep_alive seconds after its last request', () => {
    const app = serving({ keepAlive: 60 });
    app.arrive('a');
    app.pass(100);
    app.end('a');
    expect(stopped(app.pass(59.9))).toEqual([]);
    expect(stopped(app.pass(0.1))).toEqual(['r1']);
  });

  it('stops a runner that never served after 10 s, whatever keep_alive says', () => {
    const app = drive({ keepAlive: 60 });
    app.configure('v1');
    app.arrive('a');
    app.send({ type: 'cancel', id: 'a' });
    app.ready('r1');
    expect(stopped(app.pass(9.9))).toEqual([]);
    expect(stopped(app.pass(0.1))).toEqual(['r1']);
  });

  it('keeps min_concurrency runners for ever, even with keep_alive = 0', () => {
    const app = serving({ minConcurrency: 1, keepAlive: 0 });
    expect(stopped(app.pass(10_000))).toEqual([]);
  });
});

describe('a start that fails', () => {
  it('leaves requests in the queue, tells why, and tries again after 30 s, 60 s … at most 10 min', () => {
    const app = drive({ maxConcurrency: 1 });
    app.configure('v1');
    app.arrive('a');
    const waits: number[] = [];
    for (let i = 1; i <= 22; i++) {
      const failed = of(app.fail(`r${i}`), 'startFailed')[0]!;
      expect(failed.error).toBe(boom);
      expect(app.state.lastError).toBe(boom);
      const wait = nextDeadline(app.state)! / 1000;
      waits.push(wait);
      expect(started(app.pass(600))).toEqual([`r${i + 1}`]);
    }
    const deltas = waits.map((w, i) => w - i * 600);
    expect(deltas.slice(0, 3)).toEqual([30, 60, 90]);
    expect(deltas.at(-1)).toBe(600);
    expect(queuePosition(app.state, 'a')).toBe(0);
    expect(dispatched(app.ready('r23'))).toEqual(['a@r23#1']);
    expect(app.state.lastError).toBeNull();
  });

  it('is tried again at once for a new revision, and when someone asks', () => {
    const app = drive();
    app.configure('v1');
    app.arrive('a');
    app.fail('r1');
    expect(started(app.configure('v2'))).toEqual(['r2']);
    app.fail('r2');
    expect(started(app.send({ type: 'start' }))).toEqual(['r3']);
  });

  it('tells direct callers at once, and those who come during the back-off', () => {
    const app = drive();
    app.configure('v1');
    app.arrive('d', { kind: 'direct' });
    expect(of(app.fail('r1'), 'refuse')).toEqual([{ type: 'refuse', id: 'd', error: boom }]);
    expect(of(app.arrive('e', { kind: 'direct' }), 'refuse')[0]?.error).toBe(boom);
  });

  it('passes startup_timeout: the runner is stopped and the phase is named', () => {
    const app = drive({ startupTimeout: 20 });
    app.configure('v1');
    app.arrive('a');
    app.send({ type: 'runnerLaunched', runner: 'r1' });
    app.send({ type: 'runnerPhase', runner: 'r1', phase: 'setup', detail: '' });
    const effects = app.pass(20);
    expect(stopped(effects)).toEqual(['r1']);
    expect(of(effects, 'startFailed')[0]?.error).toMatchObject({
      code: 'E_STARTUP_TIMEOUT',
      message: expect.stringContaining('setup'),
    });
    expect(app.state.tickets.has('a')).toBe(true);
  });

  it('passes startup_timeout with no server on its own port: the port is named', () => {
    const app = drive({ startupTimeout: 20 }, true);
    app.configure('v1');
    app.arrive('a');
    app.send({ type: 'runnerLaunched', runner: 'r1' });
    app.send({ type: 'runnerPhase', runner: 'r1', phase: 'importing', detail: '' });
    expect(of(app.pass(20), 'startFailed')[0]?.error).toMatchObject({
      code: 'E_STARTUP_TIMEOUT',
      message: expect.stringContaining('nothing listens on port 8000'),
    });
  });

  it('does not start again and again a runner that comes up and dies unused', () => {
    const app = serving({ minConcurrency: 1 });
    expect(started(app.exit('r1', boom))).toEqual([]);
    expect(started(app.pass(30))).toEqual(['r2']);
  });
});

describe('ends of a request', () => {
  it('accepts an answer of the app, whatever its status', () => {
    for (const status of [200, 302, 422, 500]) {
      const app = serving();
      app.arrive('a');
      expect(of(app.end('a', answer(status)), 'accept')).toEqual([{ type: 'accept', id: 'a' }]);
    }
  });

  it('retries 503 on a fresh runner, ten attempts in all, then takes the answer', () => {
    const app = serving({ maxConcurrency: 1 });
    app.arrive('a');
    for (let attempt = 1; attempt <= 9; attempt++) {
      const effects = app.end('a', answer(503), attempt);
      expect(stopped(effects)).toEqual([`r${attempt}`]);
      expect(of(effects, 'requeue')).toHaveLength(1);
      app.exit(`r${attempt}`);
      app.pass(2);
      expect(dispatched(app.ready(`r${attempt + 1}`))).toEqual([`a@r${attempt + 1}#${attempt + 1}`]);
    }
    expect(of(app.end('a', answer(503), 10), 'accept')).toHaveLength(1);
  });

  it('retries what was running when its runner died', () => {
    const app = serving({ maxConcurrency: 1 });
    app.arrive('a');
    const effects = app.exit('r1', boom);
    expect(of(effects, 'abort')).toEqual([{ type: 'abort', id: 'a', attempt: 1, error: 'runner_disconnected' }]);
    expect(started(effects)).toEqual(['r2']);
    app.pass(1);
    expect(dispatched(app.ready('r2'))).toEqual(['a@r2#2']);
    expect(app.end('a', OK, 1), 'a late report of the first attempt').toEqual([]);
  });

  it('ends with the failure when the caller forbids retries', () => {
    const app = serving();
    app.arrive('a', { noRetry: true });
    const end = of(app.exit('r1', boom), 'end')[0];
    expect(end).toMatchObject({ id: 'a', error: 'runner_disconnected', detail: 'setup() raised' });
  });

  it('stops the runner of a request that passes request_timeout', () => {
    const app = serving({ requestTimeout: 5, skipRetryConditions: ['timeout'], maxConcurrency: 1 });
    app.arrive('a');
    const effects = app.pass(5);
    expect(of(effects, 'abort')[0]?.error).toBe('request_timeout');
    expect(of(effects, 'end')[0]?.error).toBe('request_timeout');
    expect(stopped(effects)).toEqual(['r1']);
  });

  it('ends a request that did not start in time, and leaves the runner alone', () => {
    const app = serving({ maxConcurrency: 1 });
    app.arrive('busy');
    app.arrive('late', { startDeadline: 3000 });
    const effects = app.pass(3);
    expect(of(effects, 'end')).toMatchObject([{ id: 'late', error: 'start_timeout' }]);
    expect(stopped(effects)).toEqual([]);
    expect(of(app.end('busy'), 'accept')).toHaveLength(1);
  });

  it('does not interrupt for its start timeout what has started, but starts no retry after it', () => {
    const app = serving({ maxConcurrency: 1 });
    app.arrive('a', { startDeadline: 3000 });
    expect(of(app.pass(4), 'end')).toEqual([]);
    expect(of(app.end('a', answer(503)), 'end')[0]?.error).toBe('start_timeout');
  });

  it('cancels what waits, and passes a cancel on to what runs', () => {
    const app = serving({ maxConcurrency: 1 });
    app.arrive('a');
    app.arrive('b');
    expect(of(app.send({ type: 'cancel', id: 'b' }), 'end')[0]?.error).toBe('client_cancelled');
    expect(of(app.send({ type: 'cancel', id: 'a' }), 'cancelOnRunner')).toMatchObject([{ id: 'a', runner: 'r1' }]);
    expect(of(app.end('a', answer(503)), 'accept'), 'no retry once cancelled').toHaveLength(1);
  });

  it('sends nothing to a runner whose connection broke until it was probed', () => {
    const app = serving({ maxConcurrency: 1 });
    app.arrive('a');
    const effects = app.end('a', { kind: 'failure', error: 'runner_connection_refused', detail: '' });
    expect(of(effects, 'probeRunner')).toHaveLength(1);
    expect(dispatched(app.pass(1))).toEqual([]);
    expect(dispatched(app.send({ type: 'runnerProbed', runner: 'r1', alive: true }))).toEqual(['a@r1#2']);
  });

  it('lets normal pass low, and a retry go ahead of what never ran', () => {
    const app = serving({ maxConcurrency: 1, maxMultiplexing: 1 });
    app.arrive('first');
    app.arrive('low', { priority: 'low' });
    app.arrive('normal');
    expect([queuePosition(app.state, 'normal'), queuePosition(app.state, 'low')]).toEqual([0, 1]);
    app.end('first', { kind: 'answer', status: 504, needsRetry: null, stopRunner: false });
    app.pass(1);
    expect(dispatched(app.end('normal'))).toEqual(['first@r1#2']);
    expect(dispatched(app.end('first', OK, 2))).toEqual(['low@r1#1']);
  });
});

describe('a new revision', () => {
  it('takes over at once when nothing serves, without starting anything', () => {
    const app = drive();
    app.configure('v1');
    const effects = app.configure('v2');
    expect(of(effects, 'promoted')).toEqual([{ type: 'promoted', revision: 'v2' }]);
    expect(started(effects)).toEqual([]);
  });

  it('starts a fresh runner beside the old one, which serves until the new one is ready', () => {
    const app = serving();
    const effects = app.configure('v2');
    expect(of(effects, 'startRunner')).toMatchObject([{ runner: 'r2', revision: 'v2', optional: true }]);
    expect(dispatched(app.arrive('a'))).toEqual(['a@r1#1']);
    const after = app.ready('r2');
    expect(of(after, 'promoted')).toEqual([{ type: 'promoted', revision: 'v2' }]);
    expect(stopped(after), 'the old one finishes its request').toEqual([]);
    expect(dispatched(app.arrive('b'))).toEqual(['b@r2#1']);
    expect(stopped(app.end('a'))).toEqual(['r1']);
  });

  it('is rejected with its error when it does not start; the old one serves on', () => {
    const app = serving();
    app.configure('v2');
    expect(of(app.fail('r2'), 'rejected')).toEqual([{ type: 'rejected', revision: 'v2', error: boom }]);
    expect(app.state.current?.id).toBe('v1');
    expect(dispatched(app.arrive('a'))).toEqual(['a@r1#1']);
  });

  it('drains, stops, then starts where there is no memory for both; requests wait meanwhile', () => {
    const app = serving({ maxConcurrency: 1 });
    app.arrive('a');
    app.configure('v2');
    expect(stopped(app.send({ type: 'runnerDenied', runner: 'r2', lack: 'memory', detail: '' }))).toEqual([]);
    expect(dispatched(app.arrive('b'))).toEqual([]);
    expect(stopped(app.end('a'))).toEqual(['r1']);
    expect(of(app.exit('r1'), 'startRunner')).toMatchObject([{ revision: 'v2', optional: false }]);
    const after = app.ready('r3');
    expect(of(after, 'promoted')).toHaveLength(1);
    expect(dispatched(after)).toEqual(['b@r3#1']);
  });

  it('never has two runners of an app whose server binds its own port', () => {
    const app = serving({ maxConcurrency: 4 }, true);
    app.arrive('a');
    expect(started([...app.arrive('b'), ...app.configure('v2')])).toEqual([]);
    app.end('a');
    expect(started(app.exit('r1'))).toEqual(['r2']);
  });

  it('gives up a replacement that is itself replaced before it was ready', () => {
    const app = serving();
    app.configure('v2');
    const effects = app.configure('v3');
    expect(of(effects, 'superseded')).toEqual([{ type: 'superseded', revision: 'v2' }]);
    expect(stopped(effects)).toEqual(['r2']);
    expect(of(app.ready('r3'), 'promoted')).toEqual([{ type: 'promoted', revision: 'v3' }]);
  });
});

describe('the end of an app', () => {
  it('removed: runners stop, direct callers are told, queued requests wait for the next registration', () => {
    const app = serving({ maxConcurrency: 1 });
    app.arrive('a');
    app.arrive('b');
    app.arrive('d', { kind: 'direct' });
    const effects = app.send({ type: 'remove' });
    expect(stopped(effects)).toEqual(['r1']);
    expect(of(effects, 'refuse')[0]?.error.code).toBe('E_UNKNOWN_APP');
    app.exit('r1');
    app.pass(5);
    app.configure('v2');
    expect(dispatched(app.ready('r2'))).toEqual(['a@r2#2']);
  });

  it('shutdown: what runs keeps its place, and an answer that still comes is taken', () => {
    const app = serving({ maxMultiplexing: 2 });
    app.arrive('a');
    app.arrive('b');
    expect(stopped(app.send({ type: 'shutdown' }))).toEqual(['r1']);
    expect(of(app.end('a'), 'accept')).toHaveLength(1);
    const effects = app.exit('r1');
    expect([...of(effects, 'end'), ...of(effects, 'requeue'), ...of(effects, 'startRunner')]).toEqual([]);
  });
});
