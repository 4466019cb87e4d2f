import { describe, expect, it } from 'vitest';
import type { EmulatorEvent } from '../../emulator/contract/events.ts';
import { KEPT_REQUESTS, TimelineModel } from './timeline-model.ts';
import { ROW_HEIGHT, rowsOf, rowText, ticks, visibleRows, xOf, zoomed } from './timeline-view.ts';

const state = (
  request: string,
  at: number,
  name: 'IN_QUEUE' | 'IN_PROGRESS' | 'COMPLETED',
  more: object = {},
): EmulatorEvent => ({
  at,
  type: 'request.state',
  app: 'local/a',
  request,
  state: name,
  attempt: name === 'IN_QUEUE' ? 0 : 1,
  runner: name === 'IN_QUEUE' ? null : 'r1',
  path: '/',
  status: name === 'COMPLETED' ? 200 : null,
  seconds: null,
  reason: '',
  ...more,
});
const runner = (at: number, name: string, reason = ''): EmulatorEvent =>
  ({ at, type: 'runner.state', app: 'local/a', runner: 'r1', state: name, phase: null, reason }) as EmulatorEvent;
const modelOf = (...events: EmulatorEvent[]): TimelineModel => {
  const model = new TimelineModel();
  for (const event of events) model.apply(event);
  return model;
};
const parts = (model: TimelineModel, id = 'q1') =>
  model.requests.get(id)?.parts.map(({ kind, from, to }) => [kind, from, to]);

describe('a queued request', () => {
  it('waits, runs and ends', () => {
    const model = modelOf(
      state('q1', 1000, 'IN_QUEUE'),
      state('q1', 3000, 'IN_PROGRESS'),
      state('q1', 4000, 'COMPLETED'),
    );
    expect(parts(model)).toEqual([
      ['queued', 1000, 3000],
      ['run', 3000, 4000],
    ]);
    expect(rowText(rowsOf(model, null)[0]!)).toBe('Request q1 local/a: 200, 3.00 s');
  });

  it('shows the cold start that it waited for as its own stretch, with what it went to', () => {
    const model = modelOf(state('q1', 1000, 'IN_QUEUE'), state('q1', 5000, 'IN_PROGRESS'), {
      at: 5000,
      type: 'request.cold_start',
      app: 'local/a',
      request: 'q1',
      attempt: 1,
      runner: 'r1',
      waited: 3,
      seconds: { image: 0, boot: 1, import: 1.5, setup: 0.5 },
    });
    expect(parts(model)).toEqual([
      ['queued', 1000, 2000],
      ['cold', 2000, 5000],
      ['run', 5000, null],
    ]);
    expect(model.requests.get('q1')?.parts[1]?.reason).toBe('boot 1.00 s, import 1.50 s, setup 0.50 s');
  });

  it('shows a retry as a failed attempt and another wait', () => {
    const model = modelOf(
      state('q1', 0, 'IN_QUEUE'),
      state('q1', 1000, 'IN_PROGRESS'),
      state('q1', 2000, 'IN_QUEUE', { attempt: 1, reason: 'runner_disconnected' }),
      state('q1', 3000, 'IN_PROGRESS', { attempt: 2 }),
      state('q1', 4000, 'COMPLETED', { attempt: 2 }),
    );
    expect(parts(model)?.map(([kind]) => kind)).toEqual(['queued', 'failed attempt', 'queued', 'run']);
    expect(model.requests.get('q1')?.attempts).toBe(2);
  });

  it('counts into the depth of the queue while it waits, and once', () => {
    const model = modelOf(
      state('q1', 1, 'IN_QUEUE'),
      state('q1', 1, 'IN_QUEUE'),
      state('q2', 2, 'IN_QUEUE'),
      state('q1', 3, 'IN_PROGRESS'),
      state('q2', 4, 'COMPLETED', { status: 499 }),
    );
    expect(model.depth.map(({ waiting }) => waiting)).toEqual([1, 2, 1, 0]);
  });

  it('waits no longer once it was given to a runner that had to start, whichever event tells it first', () => {
    const cold: EmulatorEvent = {
      at: 4000,
      type: 'request.cold_start',
      app: 'local/a',
      request: 'q1',
      attempt: 1,
      runner: 'r1',
      waited: 3,
      seconds: { image: 0, boot: 1, import: 1, setup: 1 },
    };
    const model = modelOf(state('q1', 1000, 'IN_QUEUE'), cold, state('q1', 4000, 'IN_PROGRESS'));
    expect(model.depth.map(({ waiting }) => waiting)).toEqual([1, 0]);
    expect(parts(model)).toEqual([
      ['queued', 1000, 1000],
      ['cold', 1000, 4000],
      ['run', 4000, null],
    ]);
  });

  it('of before the first event comes from its record, and events win', () => {
    const model = modelOf(state('q1', 5000, 'IN_QUEUE'));
    const record = {
      app: 'local/a',
      path: '/',
      method: 'POST',
      state: 'COMPLETED',
      attempts: 1,
      runner: 'r0',
      status: 200,
      error: null,
      errorType: null,
      inputBytes: 2,
      resultBytes: 2,
    } as const;
    model.addRecorded([
      { ...record, id: 'q1', createdAt: 1, startedAt: 2, completedAt: 3 },
      { ...record, id: 'q0', createdAt: 1, startedAt: 2, completedAt: 3 },
    ]);
    expect([...model.requests.keys()]).toEqual(['q0', 'q1']);
    expect(parts(model)).toEqual([['queued', 5000, null]]);
  });
});

describe('a runner', () => {
  it('has a lane of states with the reason of each, to its end', () => {
    const model = modelOf(
      runner(0, 'PENDING', 'the queue needs one'),
      runner(1000, 'SETUP'),
      runner(3000, 'IDLE'),
      runner(9000, 'TERMINATING', 'keep-alive is over'),
      runner(9500, 'TERMINATED'),
    );
    const row = model.runners.get('r1')!;
    expect(row.states.map(({ kind, to }) => [kind, to])).toEqual([
      ['PENDING', 1000],
      ['SETUP', 3000],
      ['IDLE', 9000],
      ['TERMINATING', 9500],
    ]);
    expect(row.states.at(-1)?.reason).toBe('keep-alive is over');
    expect(model.span(1e9)).toEqual({ from: 0, to: 9500 });
  });
});

describe('the scaling', () => {
  it('is told by decisions: each start and end of a runner once, with its reason', () => {
    const model = modelOf(
      runner(0, 'PENDING', 'the queue needs one'),
      runner(1000, 'SETUP'),
      runner(3000, 'IDLE'),
      runner(8000, 'DRAINING', 'keep-alive is over'),
      runner(9000, 'TERMINATING'),
      runner(9500, 'TERMINATED'),
    );
    expect(model.decisions.map(({ at, kind, reason }) => [at, kind, reason])).toEqual([
      [0, 'start', 'the queue needs one'],
      [8000, 'end', 'keep-alive is over'],
    ]);
  });

  it('a runner says what it holds, GPUs with what is in use of them', () => {
    const model = modelOf(runner(0, 'IDLE'));
    const GB = 2 ** 30;
    model.setMemory([{ id: 'r1', bytes: 512 * 2 ** 20, gpu: { ids: ['GPU-a'], used: 3.5 * GB, total: 80 * GB } }]);
    expect(rowText(rowsOf(model, null)[0]!)).toBe('Runner r1 of local/a: IDLE, 512 MB, GPU GPU-a: 3.5 of 80.0 GB');
    model.setMemory([{ id: 'r1', bytes: null, gpu: { ids: ['1'], used: null, total: null } }]);
    expect(rowText(rowsOf(model, null)[0]!)).toBe('Runner r1 of local/a: IDLE, GPU 1: ? of ? GB');
  });
});

describe('ten thousand requests', () => {
  it('are kept, the oldest go, and only what is in sight is drawn', () => {
    const model = new TimelineModel();
    for (let one = 0; one < KEPT_REQUESTS + 10; one += 1) model.apply(state(`q${one}`, one, 'IN_QUEUE'));
    const rows = rowsOf(model, 'local/a');
    expect(rows.length).toBe(KEPT_REQUESTS);
    expect(rows[0]?.id).toBe(`q${KEPT_REQUESTS + 9}`);
    const seen = visibleRows(rows, 5000 * ROW_HEIGHT, 400);
    expect(seen.first).toBe(5000);
    expect(seen.rows.length).toBeLessThan(25);
  });
});

describe('the window', () => {
  it('keeps the moment under the pointer where it is', () => {
    const window = { from: 0, to: 10_000 };
    const near = zoomed(window, 0.5, 0.25);
    expect(xOf(2500, near, 100)).toBeCloseTo(25);
    expect(near.to - near.from).toBe(5000);
  });

  it('has a handful of ticks at any length', () => {
    for (const length of [50, 3000, 90_000, 7_200_000]) {
      const { length: count } = ticks({ from: 1_000_000, to: 1_000_000 + length });
      expect(count).toBeGreaterThan(3);
      expect(count).toBeLessThan(12);
    }
  });
});
