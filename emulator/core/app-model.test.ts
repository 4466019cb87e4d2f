import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppSettingsSchema, type SerializedError } from '../contract/index.ts';
import type { AppEffect, AppEvent } from './app-protocol.ts';
import { type AppState, createAppState, nextDeadline, queuePosition } from './app-state.ts';
import { step } from './app-step.ts';
import { effectiveSettings } from './effective-settings.ts';
import { PLATFORM_CONSTANTS } from './platform-constants.ts';
import type { AttemptEnd } from './retry-policy.ts';

const SECOND = 1000;
const boom: SerializedError = { code: 'E_APP_SETUP', kind: 'app', message: 'boom' };

const ENDS: AttemptEnd[] = [
  { kind: 'answer', status: 200, needsRetry: null, stopRunner: null },
  { kind: 'answer', status: 422, needsRetry: null, stopRunner: true },
  { kind: 'answer', status: 500, needsRetry: true, stopRunner: null },
  { kind: 'answer', status: 503, needsRetry: null, stopRunner: null },
  { kind: 'failure', error: 'runner_disconnected', detail: '' },
  { kind: 'failure', error: 'runner_connection_refused', detail: '' },
  { kind: 'failure', error: 'request_timeout', detail: '' },
];

interface World {
  max: number;
  slots: number;
  /** 0: every request is packed that can be. */
  packFrom: number;
}

interface ModelRunner {
  revision: string;
  phase: 'starting' | 'up' | 'stopping';
  optional: boolean;
  load: Set<string>;
}

/** A naive, slow copy of what must hold, fed with the same events; it throws at the first broken rule. */
class Model {
  readonly state: AppState;
  readonly runners = new Map<string, ModelRunner>();
  /** Waiting for a slot: retries and first attempts of normal, then of low. */
  readonly lanes: string[][] = [[], [], [], []];
  readonly running = new Map<string, { runner: string; attempt: number }>();
  readonly open = new Map<string, { kind: 'queued' | 'direct'; low: boolean; attempts: number }>();
  readonly done: string[] = [];
  private readonly world: World;
  now = 0;
  private ids = 0;
  private revisions = 0;

  constructor(world: World) {
    this.world = world;
    const constants = { ...PLATFORM_CONSTANTS, packFrom: world.packFrom };
    this.state = createAppState('local/model', () => `r${++this.ids}`, constants);
  }

  send(event: AppEvent): void {
    // What the naive queue must hold before the step's effects are seen.
    for (const effect of step(this.state, event, this.now)) this.check(effect);
    this.checkState();
  }

  arrive(kind: 'queued' | 'direct', low: boolean, startDeadline: number | null): void {
    const id = `00000000-0000-4000-8000-${String(++this.ids).padStart(12, '0')}`;
    this.open.set(id, { kind, low, attempts: 0 });
    this.lanes[low ? 3 : 1]!.push(id);
    const request = { id, kind, priority: low ? 'low' : 'normal', hint: null, startDeadline } as const;
    this.send({ type: 'arrive', request: { ...request, noRetry: false, retryConfig: null, attempt: 0, spent: {} } });
  }

  configure(): void {
    const settings = effectiveSettings(AppSettingsSchema.parse({}));
    const { max, slots } = this.world;
    const knobs = { maxConcurrency: max, maxMultiplexing: slots, requestTimeout: 50, startupTimeout: 40 };
    this.send({
      type: 'configure',
      revision: { id: `v${++this.revisions}`, settings: { ...settings, ...knobs }, exclusive: false, image: false },
    });
  }

  /** Time passes, with a tick at each deadline. */
  pass(ms: number): void {
    const until = this.now + ms;
    for (let at = nextDeadline(this.state); at !== null && at <= until; at = nextDeadline(this.state)) {
      this.now = Math.max(this.now, at);
      this.send({ type: 'tick' });
    }
    this.now = until;
  }

  cancel(id: string): void {
    if (this.open.get(id)?.kind === 'direct' && !this.running.has(id)) this.finish(id);
    this.send({ type: 'cancel', id });
  }

  endAttempt(id: string, end: AttemptEnd): void {
    const run = this.running.get(id)!;
    this.over(id);
    const direct = this.open.get(id)!.kind === 'direct';
    if (direct) this.finish(id);
    this.send({ type: 'attemptEnded', id, attempt: run.attempt, end, hints: null });
  }

  exit(id: string): void {
    this.runners.get(id)!.phase = 'stopping';
    const runner = this.runners.get(id)!;
    this.send({ type: 'runnerExited', runner: id, error: boom });
    expect(runner.load.size, 'requests left on a runner that is gone').toBe(0);
    this.runners.delete(id);
  }

  private over(id: string): void {
    const run = this.running.get(id)!;
    this.running.delete(id);
    this.runners.get(run.runner)?.load.delete(id);
  }

  private finish(id: string): void {
    expect(this.open.has(id), `${id} ends twice`).toBe(true);
    this.open.delete(id);
    this.done.push(id);
    for (const lane of this.lanes) if (lane.includes(id)) lane.splice(lane.indexOf(id), 1);
  }

  private check(effect: AppEffect): void {
    switch (effect.type) {
      case 'startRunner': {
        const { revision, optional } = effect;
        this.runners.set(effect.runner, { revision, optional, phase: 'starting', load: new Set() });
        return;
      }
      case 'stopRunner':
        this.runners.get(effect.runner)!.phase = 'stopping';
        return;
      case 'dispatch':
        this.checkDispatch(effect.id, effect.runner, effect.attempt);
        return;
      case 'abort':
        this.over(effect.id);
        if (this.open.get(effect.id)?.kind === 'direct') this.finish(effect.id);
        return;
      case 'requeue':
        expect(this.running.has(effect.id)).toBe(false);
        return;
      case 'accept':
      case 'end':
      case 'refuse':
        expect(this.running.has(effect.id), `${effect.id} ends while it runs`).toBe(false);
        this.finish(effect.id);
        return;
      case 'promoted':
        expect(this.state.current?.id).toBe(effect.revision);
    }
  }

  private checkDispatch(id: string, runnerId: string, attempt: number): void {
    const request = this.open.get(id)!;
    const runner = this.runners.get(runnerId)!;
    expect(this.running.has(id), `${id} runs twice at once`).toBe(false);
    expect(runner.phase, `${id} sent to ${runnerId}`).toBe('up');
    expect(runner.revision, 'only the current revision serves').toBe(this.state.current?.id);
    expect(attempt).toBe(request.attempts + 1);
    expect(attempt).toBeLessThanOrEqual(10);
    request.attempts = attempt;
    if (attempt === 1) {
      const lane = request.low ? 3 : 1;
      expect(this.lanes[lane]![0], 'first in, first out').toBe(id);
      if (request.low) expect(this.lanes[1], 'normal before low').toEqual([]);
      this.lanes[lane]!.shift();
    }
    runner.load.add(id);
    expect(runner.load.size, 'slots').toBeLessThanOrEqual(this.world.slots);
    this.running.set(id, { runner: runnerId, attempt });
  }

  private checkState(): void {
    const { counts } = this.state;
    const all = [...this.state.runners.values()];
    const current = all.filter((runner) => runner.cohort === 'current');
    const serving = current.filter((runner) => runner.phase === 'ready' || runner.phase === 'suspect');
    expect(counts).toEqual({
      current: current.length,
      serving: serving.length,
      live: serving.length + current.filter((runner) => runner.phase === 'starting').length,
      old: all.filter((runner) => runner.cohort === 'old').length,
    });
    expect(this.state.running).toBe(serving.reduce((sum, runner) => sum + runner.inFlight.size, 0));
    const live = current.filter((runner) => runner.phase !== 'draining');
    expect(live.length, 'max_concurrency').toBeLessThanOrEqual(this.world.max);
    const entries = [...this.open.keys()].map((id) => this.state.tickets.find(id)!);
    expect(this.state.waiting).toBe(entries.filter((t) => typeof t !== 'number' && t.phase === 'waiting').length);
    expect(this.state.tickets.size, 'what is open is known').toBe(this.open.size);
    this.checkPositions();
  }

  private checkPositions(): void {
    const { tickets } = this.state;
    const queued = [...this.open.keys()]
      .map((id) => ({ id, entry: tickets.find(id)! }))
      .filter(({ entry }) => typeof entry === 'number' || entry.phase === 'queued')
      .map(({ id, entry }) => ({
        id,
        again: tickets.ranBefore(entry),
        rank: (tickets.priorityOf(entry) === 'low' ? 2 : 0) + (tickets.ranBefore(entry) ? 0 : 1),
      }));
    for (const { id, again, rank } of queued) {
      const before = queued.filter((other) => other.rank < rank).length;
      const lane = this.lanes[rank]!;
      if (again) expect(queuePosition(this.state, id)).toBeGreaterThanOrEqual(before);
      else expect(queuePosition(this.state, id)).toBe(before + lane.indexOf(id));
    }
  }
}

type Op = [kind: number, choice: number];

/** Kinds of `act`, the more often the more it takes of them to come to something. */
const OFTEN = [0, 0, 1, 2, 3, 3, 3, 4, 4, 5, 6, 7, 8, 9, 9, 10, 11, 12];

/** One random thing that may happen in this state. */
function act(model: Model, [kind, choice]: Op): void {
  const pick = <T>(items: T[]): T | undefined => items[choice % Math.max(1, items.length)];
  const byPhase = (phase: ModelRunner['phase']) =>
    [...model.runners].filter(([, runner]) => runner.phase === phase).map(([id]) => id);
  const starting = pick(byPhase('starting'));
  switch (kind) {
    case 0:
    case 1:
      model.arrive('queued', choice % 3 === 0, choice % 5 === 0 ? model.now + (choice % 90) * SECOND : null);
      return;
    case 2:
      model.arrive('direct', false, null);
      return;
    case 3:
      if (!starting) return;
      model.runners.get(starting)!.phase = 'up';
      model.send({ type: 'runnerReady', runner: starting });
      return;
    case 4: {
      const id = pick([...model.running.keys()]);
      if (id) model.endAttempt(id, ENDS[choice % ENDS.length]!);
      return;
    }
    case 5:
      model.pass((choice % 200) * 500);
      return;
    case 6: {
      const gone = pick([...model.runners.keys()]);
      if (gone) model.exit(gone);
      return;
    }
    case 7:
      model.cancel(pick([...model.open.keys()]) ?? 'nobody');
      return;
    case 8:
      if (!starting) return;
      if (model.runners.get(starting)!.optional && choice % 2 === 0) {
        model.runners.delete(starting);
        model.send({ type: 'runnerDenied', runner: starting, lack: 'memory', detail: '' });
      } else {
        model.send({ type: 'runnerLaunched', runner: starting });
        if (choice % 3 === 0) model.send({ type: 'runnerFailed', runner: starting, error: boom });
      }
      return;
    case 9:
      if (choice % 4 === 0) model.send({ type: 'remove' });
      else if (choice % 4 === 1) model.send({ type: 'start' });
      else model.configure();
      return;
    case 10: {
      const suspect = pick([...model.state.runners.values()].filter((runner) => runner.phase === 'suspect'));
      if (suspect) model.send({ type: 'runnerProbed', runner: suspect.id, alive: choice % 2 === 0 });
      return;
    }
    case 11: {
      const runner = pick([...model.runners.keys()]);
      if (runner) model.send({ type: 'stopRunner', runner, graceSeconds: null });
      return;
    }
    case 12: {
      // What was given up on reports late.
      const [id, request] = pick([...model.open].filter(([, open]) => open.attempts > 0)) ?? [];
      if (!id || !request) return;
      const attempt = model.running.has(id) ? request.attempts - 1 : request.attempts;
      model.send({ type: 'attemptEnded', id, attempt, end: ENDS[0]!, hints: null });
    }
  }
}

/** Everything goes well from here: no request may be left, and no runner in the end. */
function settle(model: Model): void {
  model.configure();
  for (let round = 0; round < 2000 && (model.open.size > 0 || model.runners.size > 0); round++) {
    for (const [id, runner] of [...model.runners]) {
      if (runner.phase === 'starting') {
        runner.phase = 'up';
        model.send({ type: 'runnerReady', runner: id });
      } else if (runner.phase === 'stopping') model.exit(id);
    }
    for (const runner of [...model.state.runners.values()]) {
      if (runner.phase === 'suspect') model.send({ type: 'runnerProbed', runner: runner.id, alive: true });
    }
    for (const id of [...model.running.keys()]) model.endAttempt(id, ENDS[0]!);
    model.pass(SECOND);
  }
}

describe('whatever happens to an app', () => {
  it('loses no request, runs none twice at once, keeps slots, order, bounds and positions, and settles', () => {
    const op = fc.tuple(fc.constantFrom(...OFTEN), fc.nat(1000));
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 3 }),
        fc.constantFrom(0, 2, 1000),
        fc.array(op, { maxLength: 120 }),
        (max, slots, packFrom, ops) => {
          const model = new Model({ max, slots, packFrom });
          model.configure();
          for (const next of ops) act(model, next);
          settle(model);
          expect([...model.open.keys()], 'lost').toEqual([]);
          expect([...model.runners.keys()], 'runners that never end').toEqual([]);
          expect(new Set(model.done).size, 'each ends once').toBe(model.done.length);
          expect(nextDeadline(model.state), 'deadlines left behind').toBeNull();
        },
      ),
      { numRuns: 800 },
    );
  });
});
