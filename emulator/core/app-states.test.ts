import { describe, expect, it } from 'vitest';
import type { RunnerState } from '../contract/index.ts';
import { failureDelay, nextDeadline, runnerState } from './app-state.ts';
import { dispatched, drive, of, serving, started, stopped } from './testing/drive.ts';

const states = (effects: Parameters<typeof of>[0]): RunnerState[] => of(effects, 'runnerState').map((e) => e.state);

describe('states of a runner, as fal names them', () => {
  it.each([
    [false, 'PENDING'],
    [true, 'DOCKER_PULL'],
  ])('from its start to its end (image: %s)', (image, installing) => {
    const app = drive({ keepAlive: 10 });
    const settings = { ...drive().settings, keepAlive: 10 };
    app.send({ type: 'configure', revision: { id: 'v1', settings, exclusive: false, port: null, image } });
    expect(states(app.arrive('a'))).toEqual(['PENDING']);
    const phase = (name: 'installing' | 'booting') =>
      states(app.send({ type: 'runnerPhase', runner: 'r1', phase: name, detail: '' }));
    expect(phase('installing')).toEqual([installing]);
    expect(phase('booting')).toEqual(['SETUP']);
    expect(runnerState(app.state.runners.get('r1')!)).toBe('SETUP');
    expect(states(app.ready('r1'))).toEqual(['IDLE', 'RUNNING']);
    expect(states(app.end('a'))).toEqual(['IDLE']);
    expect(states(app.pass(10))).toEqual(['TERMINATING']);
    expect(states(app.exit('r1'))).toEqual(['TERMINATED']);
  });

  it('DRAINING while it finishes what it has, replaced by a new revision', () => {
    const app = serving();
    app.arrive('a');
    app.configure('v2');
    expect(states(app.ready('r2'))).toContain('DRAINING');
    expect(states(app.end('a'))).toContain('TERMINATING');
  });

  it('FAILURE_DELAY from a start that failed until the next one', () => {
    const app = drive({ maxConcurrency: 1 });
    app.configure('v1');
    app.arrive('a');
    app.send({ type: 'runnerPhase', runner: 'r1', phase: 'setup', detail: '' });
    expect(states(app.fail('r1'))).toContain('FAILURE_DELAY');
    expect(failureDelay(app.state, 29_999)).toMatchObject({ runner: 'r1', revision: 'v1', phase: 'setup' });
    expect(started(app.pass(30))).toEqual(['r2']);
    expect(failureDelay(app.state, 30_000)).toBeNull();
  });
});

describe('knobs that the platform has for itself', () => {
  it('termination_grace_period_seconds counts up to the maximum', () => {
    const app = serving({ terminationGracePeriod: 9000 });
    const effects = app.send({ type: 'stopRunner', runner: 'r1', graceSeconds: null });
    expect(of(effects, 'stopRunner')[0]?.graceSeconds).toBe(3600);
  });

  it('scaling_delay holds back what a waiting request asks for, never min_concurrency', () => {
    const app = drive({ scalingDelay: 20, minConcurrency: 1, maxConcurrency: 2 });
    expect(started(app.configure('v1'))).toEqual(['r1']);
    app.ready('r1');
    app.arrive('a');
    expect(started(app.arrive('b'))).toEqual([]);
    expect(started(app.pass(19.9))).toEqual([]);
    expect(started(app.pass(0.1))).toEqual(['r2']);
  });

  it('the buffer keeps runners beside those that work, and lets them go with the demand', () => {
    const app = drive({ concurrencyBuffer: 1, maxConcurrency: 4, keepAlive: 30 });
    expect(started(app.configure('v1'))).toEqual(['r1']);
    app.ready('r1');
    expect(started(app.arrive('a'))).toEqual(['r2']);
    app.ready('r2');
    app.end('a');
    expect(stopped(app.pass(10)), 'r2 was never used, and nothing needs two').toEqual(['r2']);
    expect(stopped(app.pass(1000)), 'the buffer outranks keep_alive').toEqual([]);
  });
});

describe('a runner for which no GPU is free', () => {
  const deny = (app: ReturnType<typeof drive>, runner: string) =>
    app.send({ type: 'runnerDenied', runner, lack: 'gpu', detail: 'no GPU is free' });

  it('is placed again after 20 s, or at once when one is freed', () => {
    const app = drive({ maxConcurrency: 1 });
    app.configure('v1');
    app.arrive('a');
    expect(states(deny(app, 'r1'))).toEqual(['TERMINATED']);
    expect(nextDeadline(app.state)).toBe(20_000);
    expect(started(app.pass(20))).toEqual(['r2']);
    deny(app, 'r2');
    expect(started(app.send({ type: 'roomFreed' }))).toEqual(['r3']);
    expect(dispatched(app.ready('r3'))).toEqual(['a@r3#1']);
    expect(app.state.failures, 'waiting for a GPU is no failed start').toBe(0);
  });

  it('takes the place of the old one where both need the same GPU', () => {
    const app = serving({ maxConcurrency: 1 });
    app.configure('v2');
    expect(stopped(deny(app, 'r2'))).toEqual(['r1']);
    expect(of(app.exit('r1'), 'startRunner')).toMatchObject([{ revision: 'v2' }]);
  });

  it('gets that of an idle runner of another app, not of one that works or is needed', () => {
    const ask = { type: 'yieldRunner', runner: 'r1', reason: 'local/other needs its GPU' } as const;
    const idle = serving({ keepAlive: 1000 });
    expect(stopped(idle.send(ask))).toEqual(['r1']);
    const busy = serving();
    busy.arrive('a');
    expect(stopped(busy.send(ask))).toEqual([]);
    expect(stopped(serving({ minConcurrency: 1 }).send(ask))).toEqual([]);
  });
});
