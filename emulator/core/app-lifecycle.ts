// Long: the life of revisions and runners, one function for each thing that can happen to them.
import { type SerializedError, type StartPhase, WindtunnelError } from '../contract/index.ts';
import { awaitFirstCheck, checked, scheduleCheck, startSeconds } from './app-health.ts';
import type { Revision, RolloutStrategy } from './app-protocol.ts';
import { endAttempt, forget } from './app-requests.ts';
import {
  beginRunner,
  changeRunner,
  clearRunnerDue,
  demand,
  drainRunner,
  forgetRunner,
  settleRunner,
  stopRunner,
} from './app-runners.ts';
import { type Runner, runnerState, type Turn } from './app-state.ts';
import { startBackoffSeconds } from './platform-constants.ts';
import { desiredRunners } from './scaling.ts';

const SECOND = 1000;

/** A first or a new revision. */
export function configure(turn: Turn, revision: Revision, strategy: RolloutStrategy = 'reload'): void {
  const { state, effects } = turn;
  if (state.closing) return;
  abandonNext(turn);
  if (state.unproven) effects.push({ type: 'superseded', revision: state.unproven.id });
  state.unproven = null;
  const proves = strategy === 'prove' || (strategy === 'reload' && state.counts.serving > 0);
  if (proves && state.current !== null && !revision.exclusive) {
    const runner = beginRunner(turn, revision, 'next', true);
    state.next = { revision, runner };
    return;
  }
  if (proves) {
    replaceAfterDrain(turn, revision);
    return;
  }
  retireCurrent(turn, 'replaced by a new revision');
  adopt(turn, revision);
  effects.push({ type: 'promoted', revision: revision.id });
}

export function launched(turn: Turn, runner: Runner): void {
  if (runner.phase !== 'starting') return;
  clearRunnerDue(turn.state, runner);
  const at = turn.now + startSeconds(runner) * SECOND;
  runner.due = turn.state.deadlines.add(at, { type: 'startupTimeout', runner });
}

export function reachedPhase(turn: Turn, runner: Runner, phase: StartPhase, detail: string): void {
  if (runner.phase !== 'starting' || phase === 'ready') return;
  runner.startPhase = phase;
  turn.effects.push({ type: 'runnerState', runner: runner.id, state: runnerState(runner), phase, reason: detail });
}

/** Its server is up. Where the app has a health check of its own, that decides. */
export function ready(turn: Turn, runner: Runner): void {
  if (runner.phase !== 'starting' || runner.health.pending) return;
  if (!awaitFirstCheck(turn, runner)) serves(turn, runner);
}

export function healthChecked(turn: Turn, runner: Runner, healthy: boolean, detail: string): void {
  if (checked(turn, runner, healthy, detail)) serves(turn, runner);
}

function serves(turn: Turn, runner: Runner): void {
  const { state, effects } = turn;
  clearRunnerDue(state, runner);
  scheduleCheck(turn, runner);
  state.failures = 0;
  state.retryAt = 0;
  state.failureDelay = null;
  state.lastError = null;
  if (state.next?.runner === runner) {
    // It stands in for runners that were kept alive, so it is kept as long as they would have been.
    runner.used = true;
    state.next = null;
    retireCurrent(turn, 'replaced by a new revision');
    adopt(turn, runner.revision);
    changeRunner(state, runner, { phase: 'ready', cohort: 'current' });
    effects.push({ type: 'promoted', revision: runner.revision.id });
  } else {
    changeRunner(state, runner, { phase: 'ready' });
    if (runner.replaces) drainRunner(turn, runner.replaces, `replaced by runner ${runner.id}`);
    runner.replaces = null;
    if (state.unproven === runner.revision) {
      state.unproven = null;
      runner.used = true;
      effects.push({ type: 'promoted', revision: runner.revision.id });
    }
  }
  if (state.warm) runner.used = true;
  state.warm = false;
  effects.push({ type: 'started', runner: runner.id, revision: runner.revision.id });
  settleRunner(turn, runner);
}

/** A start came to nothing. The runner itself is gone only with its exit. */
export function failed(turn: Turn, runner: Runner, error: SerializedError): void {
  if (runner.phase !== 'starting') return;
  const isNext = turn.state.next?.runner === runner;
  if (isNext) turn.state.next = null;
  stopRunner(turn, runner, error.message);
  if (isNext) turn.effects.push({ type: 'rejected', revision: runner.revision.id, error });
  else if (runner.cohort === 'current') noteStartFailure(turn, runner, error);
}

export function startupTimedOut(turn: Turn, runner: Runner): void {
  runner.due = null;
  const seconds = startSeconds(runner);
  const { what, hint } = missing(runner);
  const message = `${turn.state.id} was not ready after ${seconds} s: ${what}`;
  failed(turn, runner, new WindtunnelError('E_STARTUP_TIMEOUT', message, { hint }).toJSON());
}

/** What a start still lacks, and how to mend it. */
function missing({ health, startPhase, revision: { port } }: Runner): { what: string; hint: string } {
  if (health.pending) {
    return {
      what: `not healthy (${health.detail || 'no answer'})`,
      hint: 'Look at the endpoint of its health check, or raise startup_timeout of the app.',
    };
  }
  if (port !== null) {
    return {
      what: `nothing listens on port ${port}, its exposed_port`,
      hint: `Let its server listen on port ${port}, set exposed_port to the port that it listens on, or raise startup_timeout of the app.`,
    };
  }
  return {
    what: `still ${startPhase ?? 'booting'}`,
    hint: 'Raise startup_timeout of the app, or make its import and setup() faster.',
  };
}

/** No room for one more: without it where runners serve already, in its turn where it was to replace them. */
export function denied(turn: Turn, runner: Runner, lack: 'memory' | 'gpu', detail: string): void {
  const { state } = turn;
  const revision = runner.revision;
  const wasNext = state.next?.runner === runner;
  forgetRunner(state, runner);
  turn.effects.push({
    type: 'runnerState',
    runner: runner.id,
    state: 'TERMINATED',
    phase: null,
    reason: detail,
  });
  const { constants } = state;
  if (lack === 'memory') state.noRoomUntil = turn.now + constants.roomRetrySeconds * SECOND;
  else state.noGpuUntil = turn.now + constants.schedulingRetrySeconds * SECOND;
  if (!wasNext) return;
  state.next = null;
  replaceAfterDrain(turn, revision);
}

export function exited(turn: Turn, runner: Runner, error: SerializedError | null): void {
  const { state, effects } = turn;
  const reason = error?.message ?? (runner.reason || 'the runner ended');
  if (runner.phase === 'starting') failed(turn, runner, error ?? unexplainedExit(runner));
  const unexpected = runner.phase === 'ready' || runner.phase === 'suspect';
  // First out of reach, then its requests: none of them may be sent to it again.
  if (unexpected) {
    state.router.withdraw(runner);
    changeRunner(state, runner, { phase: 'stopping' });
  }
  for (const ticket of [...runner.inFlight]) {
    effects.push({ type: 'abort', id: ticket.id, attempt: ticket.attempt, error: 'runner_disconnected' });
    endAttempt(turn, ticket, { kind: 'failure', error: 'runner_disconnected', detail: reason });
  }
  const wasCurrent = runner.cohort === 'current';
  forgetRunner(state, runner);
  effects.push({ type: 'runnerState', runner: runner.id, state: 'TERMINATED', phase: null, reason });
  // A runner that dies before it was given anything would otherwise be started again without end.
  if (unexpected && wasCurrent && runner.given === 0) noteStartFailure(turn, runner, error ?? unexplainedExit(runner));
}

export function probed(turn: Turn, runner: Runner, alive: boolean): void {
  if (!alive && (runner.phase === 'ready' || runner.phase === 'suspect')) {
    stopRunner(turn, runner, 'it no longer accepts connections', 0);
    return;
  }
  if (runner.phase !== 'suspect') return;
  runner.phase = 'ready';
  settleRunner(turn, runner);
}

/** Beside it while it serves; one that serves nothing is stopped, for there is nothing to bridge. */
export function replaceAsked(turn: Turn, runner: Runner): void {
  const replaceable = runner.cohort === 'current' && (runner.phase === 'ready' || runner.phase === 'suspect');
  if (!replaceable || runner.revision.exclusive) {
    stopAsked(turn, runner, null);
    return;
  }
  const successor = beginRunner(turn, runner.revision, 'current', false);
  successor.replaces = runner;
  successor.used = true;
}

/** A runner that was to prove a revision takes the registration with it; none is started in its place without demand. */
export function stopAsked(turn: Turn, runner: Runner, graceSeconds: number | null): void {
  const { state, effects } = turn;
  const revision = runner.revision;
  const error = new WindtunnelError('E_CANCELLED', 'The runner was stopped before it was ready').toJSON();
  if (state.next?.runner === runner || (state.unproven === revision && runner.phase === 'starting')) {
    if (state.next?.runner === runner) state.next = null;
    else state.unproven = null;
    effects.push({ type: 'rejected', revision: revision.id, error });
  }
  state.warm = false;
  stopRunner(turn, runner, 'stopped by the user', graceSeconds ?? undefined);
}

export function roomFreed(turn: Turn): void {
  turn.state.noRoomUntil = 0;
  turn.state.noGpuUntil = 0;
}

/** Another app wants what the runner has: keep_alive alone does not hold it. */
export function yieldAsked(turn: Turn, runner: Runner, reason: string): void {
  const { state } = turn;
  if (runner.phase !== 'ready' || runner.inFlight.size > 0) return;
  const needed = state.current === null ? 0 : desiredRunners(state.current.settings, demand(state));
  if (runner.cohort !== 'current' || state.counts.live > needed) stopRunner(turn, runner, reason);
}

/** Someone wants a runner now. */
export function start(turn: Turn): void {
  turn.state.retryAt = 0;
  roomFreed(turn);
  turn.state.warm = turn.state.current !== null && turn.state.counts.serving === 0;
}

export function remove(turn: Turn): void {
  const { state, effects } = turn;
  abandonNext(turn);
  if (state.unproven) effects.push({ type: 'superseded', revision: state.unproven.id });
  state.unproven = null;
  state.current = null;
  state.warm = false;
  state.lastError = null;
  state.failures = 0;
  state.retryAt = 0;
  for (const runner of state.runners.values()) stopRunner(turn, runner, 'the app was removed');
  refuseDirect(turn, new WindtunnelError('E_UNKNOWN_APP', `${state.id} was removed`).toJSON());
}

export function shutdown(turn: Turn): void {
  const { state } = turn;
  state.closing = true;
  for (const runner of state.runners.values()) stopRunner(turn, runner, 'the emulator ends');
  refuseDirect(turn, stoppingError());
}

function adopt(turn: Turn, revision: Revision): void {
  const { state } = turn;
  state.current = revision;
  state.failures = 0;
  state.retryAt = 0;
  roomFreed(turn);
  state.failureDelay = null;
  state.lastError = null;
}

/** Where there is no room beside the old runners: they finish and go, then the new one starts; requests wait meanwhile. */
function replaceAfterDrain(turn: Turn, revision: Revision): void {
  retireCurrent(turn, 'replaced by a new revision, which has no room beside it');
  adopt(turn, revision);
  turn.state.unproven = revision;
  turn.state.warm = true;
}

function retireCurrent(turn: Turn, reason: string): void {
  for (const runner of turn.state.runners.values()) {
    if (runner.cohort !== 'current') continue;
    drainRunner(turn, runner, reason);
    changeRunner(turn.state, runner, { cohort: 'old' });
  }
}

function abandonNext(turn: Turn): void {
  const next = turn.state.next;
  if (!next) return;
  turn.state.next = null;
  changeRunner(turn.state, next.runner, { cohort: 'old' });
  stopRunner(turn, next.runner, 'superseded by a newer revision', 0);
  turn.effects.push({ type: 'superseded', revision: next.revision.id });
}

function noteStartFailure(turn: Turn, runner: Runner, error: SerializedError): void {
  const { state, effects, now } = turn;
  state.lastError = error;
  state.warm = false;
  // Runners that were started together fail together: that is one failure.
  if (now >= state.retryAt) {
    state.failures++;
    state.retryAt = now + startBackoffSeconds(state.failures, state.constants) * SECOND;
  }
  state.failureDelay = { runner: runner.id, revision: runner.revision.id, phase: runner.startPhase, since: now };
  effects.push({ type: 'startFailed', revision: runner.revision.id, error, retryAt: state.retryAt });
  const reason = `next start in ${Math.ceil((state.retryAt - now) / SECOND)} s`;
  effects.push({ type: 'runnerState', runner: runner.id, state: 'FAILURE_DELAY', phase: runner.startPhase, reason });
  if (state.unproven === runner.revision) {
    state.unproven = null;
    effects.push({ type: 'rejected', revision: runner.revision.id, error });
  }
  if (state.counts.live === 0) refuseDirect(turn, error);
}

/** Direct callers hold a connection open: they learn at once why the app does not start. */
function refuseDirect(turn: Turn, error: SerializedError): void {
  for (const ticket of [...turn.state.directWaiters]) {
    forget(turn, ticket);
    turn.effects.push({ type: 'refuse', id: ticket.id, error });
  }
}

const unexplainedExit = (runner: Runner): SerializedError =>
  new WindtunnelError('E_RUNNER_EXITED', `The runner ended while ${runner.startPhase ?? 'booting'}`).toJSON();

/** What direct callers are told at the end. */
export const stoppingError = (): SerializedError =>
  new WindtunnelError('E_CANCELLED', 'The emulator is stopping').toJSON();
