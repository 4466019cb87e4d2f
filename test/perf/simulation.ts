import { AppSettingsSchema } from '../../emulator/contract/index.ts';
import type { AppEffect, AppEvent } from '../../emulator/core/app-protocol.ts';
import { createAppState, nextDeadline } from '../../emulator/core/app-state.ts';
import { step } from '../../emulator/core/app-step.ts';
import { DeadlineHeap } from '../../emulator/core/deadline-heap.ts';
import { effectiveSettings } from '../../emulator/core/effective-settings.ts';
import type { AttemptEnd } from '../../emulator/core/retry-policy.ts';

export interface SimulationPlan {
  /** max_concurrency of the one app. */
  runners: number;
  requests: number;
  seed: number;
}

export interface SimulationReport {
  completed: number;
  failed: number;
  attempts: number;
  /** From its arrival until its first attempt begins, seconds. */
  wait: { p50: number; p99: number; max: number };
  coldStarts: number;
  mostRunners: number;
  /** Sum over all runners of the time from start to end. */
  runnerSeconds: number;
  /** Simulated. */
  seconds: number;
}

/** Mean of how long a request and a start take; ms. */
const SERVICE_MS = 2000;
const START_MS = 8000;
/** Of an attempt: the app answers 503, and its runner dies. */
const FAILS = 0.01;
const DIES = 0.0005;

type Coming =
  | { type: 'arrival' }
  | { type: 'ready'; runner: string }
  | { type: 'exit'; runner: string }
  | { type: 'end'; id: string; attempt: number; runner: string };

/**
 * The core of the emulator on a virtual clock: one app under a bursty trace, with runners that start slowly, fail and die.
 * Throws when a request is lost or ends twice, or when there are more runners than may be.
 */
export function simulate({ runners: most, requests, seed }: SimulationPlan): SimulationReport {
  const random = mulberry32(seed);
  const exponential = (mean: number) => -Math.log(1 - random()) * mean;
  let ids = 0;
  const state = createAppState('local/simulated', () => `runner-${++ids}`);
  const coming = new DeadlineHeap<Coming>();
  const arrivedAt = new Map<string, number>();
  const alive = new Map<string, number>();
  const waits = new Float64Array(requests);
  const report = { completed: 0, failed: 0, attempts: 0, coldStarts: 0, mostRunners: 0, runnerSeconds: 0 };
  let [now, arrived, waited] = [0, 0, 0];

  const send = (event: AppEvent) => {
    for (const effect of step(state, event, now)) carryOut(effect);
  };
  const carryOut = (effect: AppEffect) => {
    switch (effect.type) {
      case 'startRunner':
        alive.set(effect.runner, now);
        report.coldStarts++;
        report.mostRunners = Math.max(report.mostRunners, alive.size);
        if (alive.size > most) throw new Error(`${alive.size} runners, and ${most} may be`);
        coming.add(now + START_MS / 2 + exponential(START_MS / 2), { type: 'ready', runner: effect.runner });
        return;
      case 'stopRunner':
        coming.add(now + 500, { type: 'exit', runner: effect.runner });
        return;
      case 'probeRunner':
        coming.add(now, { type: 'exit', runner: effect.runner });
        return;
      case 'dispatch': {
        const { id, attempt, runner } = effect;
        report.attempts++;
        if (attempt === 1) waits[waited++] = (now - arrivedAt.get(id)!) / 1000;
        coming.add(now + 50 + exponential(SERVICE_MS), { type: 'end', id, attempt, runner });
        return;
      }
      case 'accept':
      case 'end':
        if (!arrivedAt.delete(effect.id)) throw new Error(`${effect.id} ends twice`);
        if (effect.type === 'accept') report.completed++;
        else report.failed++;
    }
  };
  const happen = (what: Coming) => {
    switch (what.type) {
      case 'arrival': {
        const id = `00000000-0000-4000-8000-${String(++arrived).padStart(12, '0')}`;
        arrivedAt.set(id, now);
        const rest = { hint: null, noRetry: false, retryConfig: null, startDeadline: null, attempt: 0, spent: {} };
        send({ type: 'arrive', request: { id, kind: 'queued', priority: random() < 0.1 ? 'low' : 'normal', ...rest } });
        if (arrived < requests) coming.add(now + exponential(1000 / perSecond(now, most)), { type: 'arrival' });
        return;
      }
      case 'ready':
        send({ type: 'runnerReady', runner: what.runner });
        return;
      case 'exit': {
        const since = alive.get(what.runner);
        if (since === undefined) return;
        alive.delete(what.runner);
        report.runnerSeconds += (now - since) / 1000;
        send({ type: 'runnerExited', runner: what.runner, error: null });
        return;
      }
      case 'end': {
        if (!alive.has(what.runner)) return;
        if (random() < DIES) happen({ type: 'exit', runner: what.runner });
        else send({ type: 'attemptEnded', id: what.id, attempt: what.attempt, end: answer(random()), hints: null });
      }
    }
  };

  const settings = { ...effectiveSettings(AppSettingsSchema.parse({})), maxConcurrency: most, minConcurrency: 1 };
  send({ type: 'configure', revision: { id: 'v1', settings, exclusive: false, port: null, image: false } });
  coming.add(0, { type: 'arrival' });
  while (arrived < requests || arrivedAt.size > 0) {
    const next = coming.peek();
    const deadline = nextDeadline(state);
    if (deadline !== null && (!next || deadline <= next.at)) {
      now = Math.max(now, deadline);
      send({ type: 'tick' });
    } else if (next) {
      now = next.at;
      coming.remove(next);
      happen(next.value);
    } else throw new Error(`${arrivedAt.size} requests are left, and nothing will ever happen`);
  }
  for (const since of alive.values()) report.runnerSeconds += (now - since) / 1000;
  const sorted = waits.subarray(0, waited).sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { ...report, wait: { p50: at(0.5), p99: at(0.99), max: at(1) }, seconds: now / 1000 };
}

/** The report in lines for people. */
export function describeSimulation(plan: SimulationPlan, report: SimulationReport): string {
  const n = (value: number) => Math.round(value).toLocaleString('en');
  const { wait } = report;
  return [
    `simulation: ${n(plan.requests)} requests on up to ${n(plan.runners)} runners, seed ${plan.seed}, ${n(report.seconds)} s`,
    `  wait p50 ${wait.p50.toFixed(2)} s, p99 ${wait.p99.toFixed(2)} s, max ${wait.max.toFixed(2)} s`,
    `  ${n(report.coldStarts)} cold starts, at most ${n(report.mostRunners)} runners, ${n(report.runnerSeconds)} runner-seconds`,
    `  ${n(report.completed)} completed, ${n(report.failed)} failed, ${n(report.attempts)} attempts`,
  ].join('\n');
}

/** A quiet hour's rate, with a burst of more than all runners can serve for one minute in five. */
function perSecond(now: number, runners: number): number {
  const capacity = runners / (SERVICE_MS / 1000);
  return (now / 60_000) % 5 >= 4 ? capacity * 1.3 : capacity * 0.25;
}

function answer(luck: number): AttemptEnd {
  return { kind: 'answer', status: luck < FAILS ? 503 : 200, needsRetry: null, stopRunner: null };
}

/** Tommy Ettinger's mulberry32: small, seeded, good enough for a trace. */
function mulberry32(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
