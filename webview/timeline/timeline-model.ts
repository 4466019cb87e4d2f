import type { EmulatorEvent } from '../../emulator/contract/events.ts';
import { DESCRIPTION_PATH } from '../../emulator/contract/playground.ts';
import type { RequestSummary } from '../../emulator/contract/record.ts';
import type { RunnerMemory } from '../../emulator/contract/timeline.ts';

/** A stretch of a lane. Times in ms since the epoch; `to` null: it goes on. */
export interface Stretch<Kind extends string> {
  kind: Kind;
  from: number;
  to: number | null;
  /** Why it began; empty where nothing was said. */
  reason: string;
}

export type RequestPart = 'queued' | 'cold' | 'run' | 'failed attempt';

export interface RequestRow {
  id: string;
  app: string;
  path: string;
  kind: 'queued' | 'direct';
  parts: Stretch<RequestPart>[];
  runner: string | null;
  attempts: number;
  /** Null until it is over; 0 where there was no answer. */
  status: number | null;
}

export interface RunnerRow {
  id: string;
  app: string;
  states: Stretch<string>[];
  exit: string | null;
  memory: RunnerMemory;
}

/** A runner more or fewer, and why. */
export interface Decision {
  at: number;
  app: string;
  runner: string;
  kind: 'start' | 'end';
  reason: string;
}

/** How many wait from a moment on. */
export interface DepthStep {
  at: number;
  waiting: number;
}

/** Requests and runners that are kept; the oldest go first. */
export const KEPT_REQUESTS = 10_000;
const KEPT_RUNNERS = 500;
const KEPT_STEPS = 50_000;
const KEPT_DECISIONS = 1_000;
const DEAD = 'TERMINATED';
const ENDING: ReadonlySet<string> = new Set(['DRAINING', 'TERMINATING', 'FAILURE_DELAY', DEAD]);

/** What happened over time, out of the emulator's events: rows of requests, lanes of runners, the depth of the queue. */
export class TimelineModel {
  readonly requests = new Map<string, RequestRow>();
  readonly runners = new Map<string, RunnerRow>();
  readonly depth: DepthStep[] = [];
  /** What the scaling decided, oldest first. */
  readonly decisions: Decision[] = [];
  private readonly waiting = new Set<string>();

  /** Records of before the first event, newest first. What is known by events already stays as it is. */
  addRecorded(recorded: readonly RequestSummary[]): void {
    const older = recorded.toReversed().filter(({ id }) => !this.requests.has(id));
    const newer = [...this.requests.values()];
    this.requests.clear();
    for (const request of older) this.requests.set(request.id, ofRecord(request));
    for (const row of newer) this.requests.set(row.id, row);
    this.trim();
  }

  apply(event: EmulatorEvent): void {
    if ((event.type === 'direct.started' || event.type === 'direct') && event.path === DESCRIPTION_PATH) return;
    switch (event.type) {
      case 'request.state':
        this.requestState(event);
        break;
      case 'request.cold_start':
        this.coldStart(event);
        break;
      case 'direct.started':
        this.put(direct(event));
        break;
      case 'direct': {
        const row = this.requests.get(event.request) ?? direct({ ...event, at: event.at - event.seconds * 1000 });
        row.status = event.status;
        end(row.parts, event.at);
        this.put(row);
        break;
      }
      case 'runner.state':
        this.runnerState(event);
        break;
      case 'runner.exit': {
        const row = this.runners.get(event.runner);
        if (row) row.exit = event.exit.cause;
      }
    }
  }

  setMemory(runners: readonly ({ id: string } & RunnerMemory)[]): void {
    for (const { id, ...memory } of runners) {
      const row = this.runners.get(id);
      if (row) row.memory = memory;
    }
  }

  /** From the first moment that is known to the last; null while there is nothing. */
  span(now: number): { from: number; to: number } | null {
    let from = Number.POSITIVE_INFINITY;
    let to = 0;
    let open = false;
    const see = (stretches: readonly Stretch<string>[]) => {
      for (const stretch of stretches) {
        from = Math.min(from, stretch.from);
        to = Math.max(to, stretch.to ?? stretch.from);
        open ||= stretch.to === null;
      }
    };
    for (const { parts } of this.requests.values()) see(parts);
    for (const { states } of this.runners.values()) see(states);
    return to === 0 ? null : { from, to: open ? Math.max(to, now) : to };
  }

  private requestState(event: Extract<EmulatorEvent, { type: 'request.state' }>): void {
    const known = this.requests.get(event.request);
    const row: RequestRow = known ?? {
      id: event.request,
      app: event.app,
      path: event.path,
      kind: 'queued',
      parts: [],
      runner: null,
      attempts: 0,
      status: null,
    };
    const last = row.parts.at(-1);
    row.runner = event.runner ?? row.runner;
    row.attempts = Math.max(row.attempts, event.attempt);
    if (event.state === 'IN_QUEUE') {
      if (!this.waiting.has(event.request)) {
        if (last?.to === null) Object.assign(last, { kind: 'failed attempt', to: event.at });
        row.parts.push({ kind: 'queued', from: event.at, to: null, reason: event.reason });
        this.waiting.add(event.request);
        this.step(event.at);
      }
    } else {
      if (this.waiting.delete(event.request)) this.step(event.at);
      if (event.state === 'IN_PROGRESS') {
        end(row.parts, event.at);
        row.parts.push({ kind: 'run', from: event.at, to: null, reason: event.reason });
      } else {
        end(row.parts, event.at);
        row.status = event.status ?? 0;
        if (!last)
          row.parts.push({ kind: 'run', from: event.at - (event.seconds ?? 0) * 1000, to: event.at, reason: '' });
      }
    }
    this.put(row);
  }

  /** The end of the wait that was the start of a runner. */
  private coldStart(event: Extract<EmulatorEvent, { type: 'request.cold_start' }>): void {
    const parts = this.requests.get(event.request)?.parts ?? [];
    const queued = parts.findLast(({ kind }) => kind === 'queued');
    if (!queued) return;
    const to = queued.to ?? event.at;
    const from = Math.max(queued.from, to - event.waited * 1000);
    const said = Object.entries(event.seconds)
      .filter(([, seconds]) => seconds > 0)
      .map(([phase, seconds]) => `${phase} ${seconds.toFixed(2)} s`);
    parts.splice(parts.indexOf(queued) + 1, 0, { kind: 'cold', from, to, reason: said.join(', ') });
    queued.to = from;
  }

  private runnerState(event: Extract<EmulatorEvent, { type: 'runner.state' }>): void {
    const row: RunnerRow = this.runners.get(event.runner) ?? {
      id: event.runner,
      app: event.app,
      states: [],
      exit: null,
      memory: { bytes: null, gpu: null },
    };
    this.runners.set(event.runner, row);
    const last = row.states.at(-1);
    if (last?.to === null && last.kind === event.state) return;
    const kind =
      row.states.length === 0 ? 'start' : ENDING.has(event.state) && !ENDING.has(last?.kind ?? '') ? 'end' : null;
    if (kind !== null) this.decide({ at: event.at, app: event.app, runner: event.runner, kind, reason: event.reason });
    end(row.states, event.at);
    if (event.state !== DEAD) row.states.push({ kind: event.state, from: event.at, to: null, reason: event.reason });
    const oldest = this.runners.keys().next().value;
    if (this.runners.size > KEPT_RUNNERS && oldest !== undefined) this.runners.delete(oldest);
  }

  private decide(decision: Decision): void {
    this.decisions.push(decision);
    if (this.decisions.length > KEPT_DECISIONS) this.decisions.shift();
  }

  private step(at: number): void {
    const waiting = this.waiting.size;
    const last = this.depth.at(-1);
    if (last?.at === at) last.waiting = waiting;
    else this.depth.push({ at, waiting });
    if (this.depth.length > KEPT_STEPS) this.depth.splice(0, KEPT_STEPS / 10);
  }

  private put(row: RequestRow): void {
    this.requests.set(row.id, row);
    this.trim();
  }

  private trim(): void {
    for (const id of this.requests.keys()) {
      if (this.requests.size <= KEPT_REQUESTS) return;
      this.requests.delete(id);
    }
  }
}

function end(stretches: Stretch<string>[], at: number): void {
  const last = stretches.at(-1);
  if (last?.to === null) last.to = Math.max(last.from, at);
}

function direct(event: { request: string; app: string; path: string; runner: string; at: number }): RequestRow {
  return {
    id: event.request,
    app: event.app,
    path: event.path,
    kind: 'direct',
    parts: [{ kind: 'run', from: event.at, to: null, reason: '' }],
    runner: event.runner,
    attempts: 1,
    status: null,
  };
}

function ofRecord(request: RequestSummary): RequestRow {
  const { createdAt, startedAt, completedAt } = request;
  return {
    id: request.id,
    app: request.app,
    path: request.path,
    kind: 'queued',
    parts: [
      { kind: 'queued', from: createdAt, to: startedAt ?? completedAt, reason: '' },
      ...(startedAt === null ? [] : [{ kind: 'run' as const, from: startedAt, to: completedAt, reason: '' }]),
    ],
    runner: request.runner,
    attempts: request.attempts,
    status: request.status ?? (request.state === 'COMPLETED' ? 0 : null),
  };
}
