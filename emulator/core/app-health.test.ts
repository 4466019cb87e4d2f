import { describe, expect, it } from 'vitest';
import type { EffectiveHealthCheck } from './effective-settings.ts';
import { dispatched, drive, OK, of, stopped } from './testing/drive.ts';

const CHECK: EffectiveHealthCheck = {
  path: '/ok',
  method: 'POST',
  startPeriod: 30,
  timeout: 5,
  failureThreshold: 3,
  callRegularly: true,
  allowOnBusy: false,
};

/** An app whose first runner's server is up, its first check unanswered. */
function up(check: Partial<EffectiveHealthCheck> = {}, more = {}) {
  const app = drive({ healthCheck: { ...CHECK, ...check }, maxConcurrency: 1, keepAlive: 1000, ...more });
  app.configure('v1');
  app.arrive('a');
  app.send({ type: 'runnerLaunched', runner: 'r1' });
  const effects = app.ready('r1');
  const health = (healthy: boolean, runner = 'r1') =>
    app.send({ type: 'runnerHealth', runner, healthy, detail: healthy ? '' : 'POST /ok answered 503' });
  return { ...app, effects, health };
}

const checks = (effects: Parameters<typeof of>[0]) => of(effects, 'checkHealth').length;

describe('a runner with a health check of its own', () => {
  it('gets its first request once the check succeeds, not when its port opens', () => {
    const app = up();
    expect(checks(app.effects)).toBe(1);
    expect(dispatched(app.effects)).toEqual([]);
    expect(dispatched(app.health(false))).toEqual([]);
    expect(checks(app.pass(1)), 'asked again after a second').toBe(1);
    expect(dispatched(app.health(true))).toEqual(['a@r1#1']);
  });

  it('fails its start when it never is healthy, and says what the check said', () => {
    const app = up({}, { startupTimeout: 10 });
    let effects = app.health(false);
    for (let i = 0; i < 40 && of(effects, 'startFailed').length === 0; i++) {
      effects = app.pass(1);
      if (checks(effects) > 0) effects = [...effects, ...app.health(false)];
    }
    const [failed] = of(effects, 'startFailed');
    expect(failed?.error.message, 'start_period is longer than startup_timeout').toContain('not ready after 30 s');
    expect(failed?.error.message).toContain('POST /ok answered 503');
  });

  it('is checked every 15 s, and stopped after failure_threshold failures in a row', () => {
    const app = up();
    app.health(true);
    app.end('a');
    expect(checks(app.pass(14.9))).toBe(0);
    const answers = [false, false, true, false, false, false];
    const stops = answers.map((healthy) => {
      expect(checks(app.pass(15))).toBe(1);
      return stopped(app.health(healthy)).length;
    });
    expect(stops).toEqual([0, 0, 0, 0, 0, 1]);
  });

  it('is left alone while it works, unless the app allows it', () => {
    for (const allowOnBusy of [false, true]) {
      const app = up({ allowOnBusy });
      app.health(true);
      expect(checks(app.pass(15))).toBe(allowOnBusy ? 1 : 0);
    }
  });

  it('is checked when an answer asks for it, and stopped at once when that fails', () => {
    const app = up({ callRegularly: false });
    expect(dispatched(app.effects), 'ready when its port opens').toEqual(['a@r1#1']);
    const end = { type: 'attemptEnded', id: 'a', attempt: 1, end: OK, hints: null, checkHealth: true } as const;
    expect(checks(app.send(end))).toBe(1);
    const effects = app.health(false);
    expect(of(effects, 'stopRunner')).toMatchObject([{ runner: 'r1', graceSeconds: 0 }]);
    expect(checks(app.pass(100))).toBe(0);
  });

  it('replaces a revision only once it is healthy', () => {
    const app = up();
    app.health(true);
    app.configure('v2');
    expect(of(app.ready('r2'), 'promoted')).toEqual([]);
    expect(of(app.health(true, 'r2'), 'promoted')).toMatchObject([{ revision: 'v2' }]);
  });
});

it('an app without a check of its own that asks for one: that its port is open is looked at', () => {
  const app = drive();
  app.configure('v1');
  app.arrive('a');
  app.ready('r1');
  const end = { type: 'attemptEnded', id: 'a', attempt: 1, end: OK, hints: null, checkHealth: true } as const;
  expect(of(app.send(end), 'probeRunner')).toHaveLength(1);
});
