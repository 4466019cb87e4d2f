import { expect } from 'vitest';
import { AppSettingsSchema, type SerializedError } from '../../contract/index.ts';
import type { AppEffect, AppEvent } from '../app-protocol.ts';
import { type AppState, createAppState, nextDeadline, queuePosition } from '../app-state.ts';
import { step } from '../app-step.ts';
import { type EffectiveHealthCheck, effectiveSettings } from '../effective-settings.ts';
import { PLATFORM_CONSTANTS } from '../platform-constants.ts';
import type { AttemptEnd } from '../retry-policy.ts';

export const SECOND = 1000;
export const boom: SerializedError = { code: 'E_APP_SETUP', kind: 'app', message: 'boom' };

export const ENDS: AttemptEnd[] = [
  { kind: 'answer', status: 200, needsRetry: null, stopRunner: null },
  { kind: 'answer', status: 422, needsRetry: null, stopRunner: true },
  { kind: 'answer', status: 500, needsRetry: true, stopRunner: null },
  { kind: 'answer', status: 503, needsRetry: null, stopRunner: null },
  { kind: 'failure', error: 'runner_disconnected', detail: '' },
  { kind: 'failure', error: 'runner_connection_refused', detail: '' },
  { kind: 'failure', error: 'request_timeout', detail: '' },
];

export interface World {
  /** Runners; at most, at least, and beside those that work. */
  max: number;
  min: number;
  buffer: number;
  slots: number;
  keepAlive: number;
  scalingDelay: number;
  /** The app has a health check of its own. */
  checked: boolean;
  /** Attempts of a request in all. */
  attempts: number;
  /** 0: every request is packed that can be. */
  packFrom: number;
}

const CHECK: EffectiveHealthCheck = {
  path: '/ok',
  method: 'POST',
  startPeriod: 30,
  timeout: 5,
  failureThreshold: 2,
  callRegularly: true,
  allowOnBusy: true,
};

export interface ModelRunner {
  revision: string;
  phase: 'starting' | 'up' | 'stopping';
  optional: boolean;
  load: Set<string>;
  hints: string[];
  /** Null until its first health check. */
  healthy: boolean | null;
  /** A check that is not answered. */
  asked: boolean;
}

/** A naive, slow copy of what must hold, fed with the same events; it throws at the first broken rule. */
export class Model {
  readonly state: AppState;
  readonly runners = new Map<string, ModelRunner>();
  /** Waiting for a slot: retries and first attempts of normal, then of low. */
  readonly lanes: string[][] = [[], [], [], []];
  readonly running = new Map<string, { runner: string; attempt: number }>();
  readonly open = new Map<string, { kind: 'queued' | 'direct'; low: boolean; attempts: number; hint: string | null }>();
  /** Starts and stops so far: none come any more once an app has settled. */
  changes = 0;
  readonly done: string[] = [];
  private readonly world: World;
  now = 0;
  private ids = 0;
  private revisions = 0;

  constructor(world: World) {
    this.world = world;
    const constants = { ...PLATFORM_CONSTANTS, maxAttempts: world.attempts, packFrom: world.packFrom };
    this.state = createAppState('local/model', () => `r${++this.ids}`, constants);
  }

  send(event: AppEvent): void {
    // What the naive queue must hold before the step's effects are seen.
    for (const effect of step(this.state, event, this.now)) this.check(effect);
    this.checkState();
  }

  arrive(kind: 'queued' | 'direct', low: boolean, startDeadline: number | null, hint: string | null): void {
    const id = `00000000-0000-4000-8000-${String(++this.ids).padStart(12, '0')}`;
    this.open.set(id, { kind, low, attempts: 0, hint });
    this.lanes[low ? 3 : 1]!.push(id);
    const request = { id, kind, priority: low ? 'low' : 'normal', hint, startDeadline } as const;
    this.send({ type: 'arrive', request: { ...request, noRetry: false, retryConfig: null, attempt: 0, spent: {} } });
  }

  configure(): void {
    const settings = effectiveSettings(AppSettingsSchema.parse({}));
    const { max, min, buffer, slots, keepAlive, scalingDelay, checked } = this.world;
    const knobs = {
      maxConcurrency: max,
      minConcurrency: min,
      concurrencyBuffer: buffer,
      maxMultiplexing: slots,
      keepAlive,
      scalingDelay,
      requestTimeout: 50,
      startupTimeout: 40,
      healthCheck: checked ? CHECK : null,
    };
    this.send({
      type: 'configure',
      revision: {
        id: `v${++this.revisions}`,
        settings: { ...settings, ...knobs },
        exclusive: false,
        port: null,
        image: false,
      },
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

  endAttempt(id: string, end: AttemptEnd, hints: string[] | null = null, checkHealth = false): void {
    const run = this.running.get(id)!;
    const runner = this.runners.get(run.runner);
    if (runner && hints !== null && end.kind === 'answer') runner.hints = hints;
    this.over(id);
    const direct = this.open.get(id)!.kind === 'direct';
    if (direct) this.finish(id);
    this.send({ type: 'attemptEnded', id, attempt: run.attempt, end, hints, checkHealth });
  }

  answerCheck(id: string, healthy: boolean): void {
    const runner = this.runners.get(id)!;
    runner.asked = false;
    runner.healthy = healthy || runner.healthy;
    this.send({ type: 'runnerHealth', runner: id, healthy, detail: healthy ? '' : 'it is ill' });
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
        const fresh = { load: new Set<string>(), hints: [], healthy: null, asked: false };
        this.runners.set(effect.runner, { revision, optional, phase: 'starting', ...fresh });
        this.changes++;
        return;
      }
      case 'stopRunner':
        this.runners.get(effect.runner)!.phase = 'stopping';
        this.changes++;
        return;
      case 'checkHealth': {
        const runner = this.runners.get(effect.runner)!;
        expect(runner.asked, 'one check at a time').toBe(false);
        expect(runner.phase).toBe('up');
        runner.asked = true;
        return;
      }
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
    if (this.world.checked) expect(runner.healthy, `${runnerId} serves before it is healthy`).toBe(true);
    this.checkHint(request.hint, runnerId);
    expect(runner.revision, 'only the current revision serves').toBe(this.state.current?.id);
    expect(attempt).toBe(request.attempts + 1);
    expect(attempt).toBeLessThanOrEqual(this.world.attempts);
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

  /** Nobody else may take it while one that advertised its hint is free. */
  private checkHint(hint: string | null, taker: string): void {
    if (hint === null || this.runners.get(taker)!.hints.includes(hint)) return;
    for (const [id, runner] of this.runners) {
      const phase = this.state.runners.get(id)?.phase;
      const free =
        phase === 'ready' && runner.load.size < this.world.slots && runner.revision === this.state.current?.id;
      expect(free && runner.hints.includes(hint), `${id} is free and has the hint ${hint}`).toBe(false);
    }
  }

  private checkState(): void {
    const { counts } = this.state;
    let [current, serving, live, old, busy] = [0, 0, 0, 0, 0];
    for (const { cohort, phase, inFlight } of this.state.runners.values()) {
      if (cohort === 'old') old++;
      if (cohort !== 'current') continue;
      current++;
      if (phase !== 'draining' && phase !== 'stopping') live++;
      if (phase !== 'ready' && phase !== 'suspect') continue;
      serving++;
      busy += inFlight.size;
    }
    same(counts.current, current, 'current');
    same(counts.serving, serving, 'serving');
    same(counts.live, live, 'live');
    same(counts.old, old, 'old');
    same(this.state.running, busy, 'running');
    if (current > this.world.max) throw new Error(`${current} runners, and max_concurrency is ${this.world.max}`);
    same(this.state.tickets.size, this.open.size, 'what is open is known');
    this.checkPositions();
  }

  private checkPositions(): void {
    const { tickets } = this.state;
    const ranks = [0, 0, 0, 0];
    const queued: { id: string; rank: number; again: boolean }[] = [];
    let waiting = 0;
    for (const id of this.open.keys()) {
      const entry = tickets.find(id)!;
      if (typeof entry !== 'number' && entry.phase === 'waiting') waiting++;
      if (typeof entry !== 'number' && entry.phase !== 'queued') continue;
      const again = tickets.ranBefore(entry);
      const rank = (tickets.priorityOf(entry) === 'low' ? 2 : 0) + (again ? 0 : 1);
      ranks[rank]!++;
      queued.push({ id, rank, again });
    }
    same(this.state.waiting, waiting, 'waiting for their retry');
    for (const { id, again, rank } of queued) {
      const before = ranks.slice(0, rank).reduce((sum, count) => sum + count, 0);
      const position = queuePosition(this.state, id);
      if (!again) same(position, before + this.lanes[rank]!.indexOf(id), `position of ${id}`);
      else if (position < before) throw new Error(`${id} is at ${position}, ahead of its priority`);
    }
  }
}

/** `expect` for what is looked at a million times. */
function same(actual: number, expected: number, what: string): void {
  if (actual !== expected) throw new Error(`${what}: ${actual}, and it has to be ${expected}`);
}
