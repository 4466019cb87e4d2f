import type { Revision } from './app-protocol.ts';
import type { AppState, Runner, RunnerPhase, Turn } from './app-state.ts';
import { desiredRunners } from './scaling.ts';

const SECOND = 1000;

/** Brings a runner into being. `optional`: the start may be denied for want of memory. */
export function beginRunner(turn: Turn, revision: Revision, cohort: Runner['cohort'], optional: boolean): Runner {
  const { state, effects } = turn;
  const runner: Runner = {
    id: state.newRunnerId(),
    revision,
    slots: revision.settings.maxMultiplexing,
    cohort,
    phase: 'starting',
    startPhase: null,
    inFlight: new Set(),
    used: false,
    given: 0,
    hints: [],
    replaces: null,
    due: null,
    health: { pending: false, asked: null, failures: 0, detail: '', due: null },
    reason: '',
  };
  state.runners.set(runner.id, runner);
  account(state, runner, 1);
  effects.push({ type: 'startRunner', runner: runner.id, revision: revision.id, optional });
  effects.push({ type: 'runnerState', runner: runner.id, state: 'PENDING', phase: null, reason: '' });
  return runner;
}

/** Every change of phase or cohort comes through here, so that the counts stay right. */
export function changeRunner(
  state: AppState,
  runner: Runner,
  to: { phase?: RunnerPhase; cohort?: Runner['cohort'] },
): void {
  account(state, runner, -1);
  runner.phase = to.phase ?? runner.phase;
  runner.cohort = to.cohort ?? runner.cohort;
  account(state, runner, 1);
}

/** Takes a runner that is no more out of the state. */
export function forgetRunner(state: AppState, runner: Runner): void {
  clearRunnerDue(state, runner);
  stopHealthChecks(state, runner);
  state.router.withdraw(runner);
  account(state, runner, -1);
  state.runners.delete(runner.id);
}

export function clearRunnerDue(state: AppState, runner: Runner): void {
  if (runner.due) state.deadlines.remove(runner.due);
  runner.due = null;
}

/** Whether its running requests count as demand on the current revision. */
export function countsAsServing(runner: Runner): boolean {
  return runner.cohort === 'current' && (runner.phase === 'ready' || runner.phase === 'suspect');
}

export function stopHealthChecks(state: AppState, runner: Runner): void {
  const { health } = runner;
  if (health.due) state.deadlines.remove(health.due);
  health.due = null;
  health.pending = false;
}

export function stopRunner(turn: Turn, runner: Runner, reason: string, graceSeconds?: number): void {
  const wanted = graceSeconds ?? runner.revision.settings.terminationGracePeriod;
  const grace = Math.min(wanted, turn.state.constants.terminationGraceMaxSeconds);
  if (runner.phase !== 'stopping') {
    clearRunnerDue(turn.state, runner);
    stopHealthChecks(turn.state, runner);
    turn.state.router.withdraw(runner);
    changeRunner(turn.state, runner, { phase: 'stopping' });
    runner.reason = reason;
    turn.effects.push({ type: 'runnerState', runner: runner.id, state: 'TERMINATING', phase: null, reason });
  }
  turn.effects.push({ type: 'stopRunner', runner: runner.id, graceSeconds: grace, reason });
}

/** No new requests; it ends once those that it has are done. */
export function drainRunner(turn: Turn, runner: Runner, reason: string): void {
  if (runner.phase === 'stopping' || runner.phase === 'draining') return;
  if (runner.phase === 'starting' || runner.inFlight.size === 0) {
    stopRunner(turn, runner, reason);
    return;
  }
  clearRunnerDue(turn.state, runner);
  turn.state.router.withdraw(runner);
  changeRunner(turn.state, runner, { phase: 'draining' });
  runner.reason = reason;
  turn.effects.push({ type: 'runnerState', runner: runner.id, state: 'DRAINING', phase: null, reason });
}

/** A slot of the runner became free, or it just came up: its next turn, its idle time, or the end of its draining. */
export function settleRunner(turn: Turn, runner: Runner): void {
  const { state } = turn;
  if (runner.phase === 'draining' && runner.inFlight.size === 0) {
    stopRunner(turn, runner, runner.reason);
    return;
  }
  if (runner.phase !== 'ready') return;
  state.router.offer(runner);
  if (runner.inFlight.size > 0) return;
  armIdle(turn, runner, idleSeconds(state, runner));
  turn.effects.push({ type: 'runnerState', runner: runner.id, state: 'IDLE', phase: null, reason: '' });
}

/** The idle time of a runner is over: it goes unless min_concurrency, the buffer or demand need it. */
export function expireIdle(turn: Turn, runner: Runner): void {
  runner.due = null;
  const { state } = turn;
  if (runner.phase !== 'ready' || runner.inFlight.size > 0) return;
  const needed = state.current === null ? 0 : desiredRunners(state.current.settings, demand(state));
  const seconds = idleSeconds(state, runner);
  if (state.counts.live > needed) {
    stopRunner(turn, runner, runner.used ? `idle for keep_alive (${seconds} s)` : `unused for ${seconds} s`);
    return;
  }
  // At least a second: keep_alive = 0 with min_concurrency = 1 must not spin.
  armIdle(turn, runner, Math.max(1, seconds));
}

/** Requests that wait or run, as scaling counts them. */
export function demand(state: AppState): number {
  return state.queue.size + state.waiting + state.running;
}

function idleSeconds(state: AppState, runner: Runner): number {
  return runner.used ? runner.revision.settings.keepAlive : state.constants.unusedRunnerSeconds;
}

function armIdle(turn: Turn, runner: Runner, seconds: number): void {
  clearRunnerDue(turn.state, runner);
  runner.due = turn.state.deadlines.add(turn.now + seconds * SECOND, { type: 'idle', runner });
}

function account(state: AppState, runner: Runner, sign: 1 | -1): void {
  const { counts } = state;
  if (runner.cohort === 'old') counts.old += sign;
  if (runner.cohort !== 'current') return;
  counts.current += sign;
  if (runner.phase === 'starting' || countsAsServing(runner)) counts.live += sign;
  if (!countsAsServing(runner)) return;
  counts.serving += sign;
  state.running += sign * runner.inFlight.size;
}
