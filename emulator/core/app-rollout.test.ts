import { describe, expect, it } from 'vitest';
import type { AppEffect, RolloutStrategy } from './app-protocol.ts';
import { boom, dispatched, drive, of, serving, started, stopped } from './testing/drive.ts';

type App = ReturnType<typeof drive>;

const rollOut = (app: App, id: string, strategy: RolloutStrategy): AppEffect[] => {
  const settings = app.state.current?.settings ?? serving().state.current!.settings;
  return app.send({
    type: 'configure',
    revision: { id, settings, exclusive: false, port: null, image: false },
    strategy,
  });
};

describe('a new revision that must prove itself', () => {
  it('starts a runner although nothing serves, and takes over only once that is ready', () => {
    const app = drive();
    app.configure('v1');
    expect(started(rollOut(app, 'v2', 'prove'))).toEqual(['r1']);
    expect(app.state.current?.id).toBe('v1');
    expect(of(app.ready('r1'), 'promoted')).toMatchObject([{ revision: 'v2' }]);
    expect(app.state.current?.id).toBe('v2');
  });

  it('leaves the old one in charge when it cannot start; requests meanwhile go to the old one', () => {
    const app = drive();
    app.configure('v1');
    rollOut(app, 'v2', 'prove');
    expect(started(app.arrive('a'))).toEqual(['r2']);
    expect(of(app.fail('r1'), 'rejected')).toMatchObject([{ revision: 'v2', error: boom }]);
    expect(dispatched(app.ready('r2'))).toEqual(['a@r2#1']);
    expect(app.state.current?.id).toBe('v1');
  });

  it('the very first one is rejected when it cannot start', () => {
    const app = drive();
    expect(started(rollOut(app, 'v1', 'prove'))).toEqual(['r1']);
    expect(of(app.fail('r1'), 'rejected')).toMatchObject([{ revision: 'v1' }]);
  });
});

it('recreate takes over at once: the old runners go, and none is started before a request asks for it', () => {
  const app = serving();
  const effects = rollOut(app, 'v2', 'recreate');
  expect(of(effects, 'promoted')).toMatchObject([{ revision: 'v2' }]);
  expect([stopped(effects), started(effects)]).toEqual([['r1'], []]);
  expect(started(app.arrive('a'))).toEqual(['r2']);
});

it('other settings for the same code touch no runner, and count from then on', () => {
  const app = serving({ maxConcurrency: 1 });
  app.arrive('a');
  expect(started(app.arrive('b'))).toEqual([]);
  const settings = { ...app.state.current!.settings, maxConcurrency: 2 };
  const effects = app.send({ type: 'rescaled', settings });
  expect([stopped(effects), started(effects)]).toEqual([[], ['r2']]);
});

describe('a runner that is replaced', () => {
  it('goes once its successor serves', () => {
    const app = serving();
    expect(started(app.send({ type: 'replaceRunner', runner: 'r1' }))).toEqual(['r2']);
    expect(dispatched(app.arrive('a'))).toEqual(['a@r1#1']);
    app.end('a');
    expect(stopped(app.ready('r2'))).toEqual(['r1']);
  });

  it('stays where the successor cannot start', () => {
    const app = serving();
    app.send({ type: 'replaceRunner', runner: 'r1' });
    expect(stopped(app.fail('r2'))).toEqual(['r2']);
    expect(dispatched(app.arrive('a'))).toEqual(['a@r1#1']);
  });
});
