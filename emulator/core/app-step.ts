import { checkIsDue } from './app-health.ts';
import * as lifecycle from './app-lifecycle.ts';
import type { AppEffect, AppEvent } from './app-protocol.ts';
import { arrive, cancel, endAttempt, endRetryDelay, expireStart, pump } from './app-requests.ts';
import { beginRunner, demand, expireIdle } from './app-runners.ts';
import { type AppState, type Due, nextTicket, type Turn, ticketOf } from './app-state.ts';
import { desiredRunners } from './scaling.ts';

const SECOND = 1000;

/**
 * The whole behaviour of one app: what follows from an event at a time (ms since the epoch). Deterministic; changes
 * `state` in place. A step costs O(log n) in the number of waiting requests.
 */
export function step(state: AppState, event: AppEvent, now: number): AppEffect[] {
  const turn: Turn = { state, now, effects: [] };
  handle(turn, event);
  expire(turn);
  pump(turn);
  rescale(turn);
  return turn.effects;
}

function handle(turn: Turn, event: AppEvent): void {
  switch (event.type) {
    case 'configure':
      lifecycle.configure(turn, event.revision, event.strategy);
      return;
    case 'rescaled':
      if (turn.state.current) turn.state.current.settings = event.settings;
      return;
    case 'start':
      lifecycle.start(turn);
      return;
    case 'roomFreed':
      lifecycle.roomFreed(turn);
      return;
    case 'remove':
      lifecycle.remove(turn);
      return;
    case 'shutdown':
      lifecycle.shutdown(turn);
      return;
    case 'arrive':
      arriveUnlessFailing(turn, event);
      return;
    case 'cancel': {
      const ticket = ticketOf(turn.state, event.id);
      ticket && cancel(turn, ticket);
      return;
    }
    case 'attemptEnded': {
      const ticket = ticketOf(turn.state, event.id);
      // What was given up on already may still report; its attempt is over.
      if (ticket?.phase !== 'running' || ticket.attempt !== event.attempt) return;
      endAttempt(turn, ticket, event.end, event.hints, event.checkHealth ?? false);
      return;
    }
    case 'tick':
      return;
    default:
      handleRunner(turn, event);
      return;
  }
}

function handleRunner(turn: Turn, event: Extract<AppEvent, { runner: string }>): void {
  const runner = turn.state.runners.get(event.runner);
  if (!runner) return;
  switch (event.type) {
    case 'runnerLaunched':
      lifecycle.launched(turn, runner);
      return;
    case 'runnerPhase':
      lifecycle.reachedPhase(turn, runner, event.phase, event.detail);
      return;
    case 'runnerReady':
      lifecycle.ready(turn, runner);
      return;
    case 'runnerFailed':
      lifecycle.failed(turn, runner, event.error);
      return;
    case 'runnerDenied':
      lifecycle.denied(turn, runner, event.lack, event.detail);
      return;
    case 'yieldRunner':
      lifecycle.yieldAsked(turn, runner, event.reason);
      return;
    case 'runnerExited':
      lifecycle.exited(turn, runner, event.error);
      return;
    case 'runnerProbed':
      lifecycle.probed(turn, runner, event.alive);
      return;
    case 'runnerHealth':
      lifecycle.healthChecked(turn, runner, event.healthy, event.detail);
      return;
    case 'replaceRunner':
      lifecycle.replaceAsked(turn, runner);
      return;
    case 'stopRunner':
      lifecycle.stopAsked(turn, runner, event.graceSeconds);
      return;
  }
}

/** A direct call during the back-off of a failed start is told why; a queued request waits for the next start. */
function arriveUnlessFailing(turn: Turn, event: Extract<AppEvent, { type: 'arrive' }>): void {
  const { state, effects, now } = turn;
  const { id, kind } = event.request;
  if (kind === 'direct' && state.closing) {
    effects.push({ type: 'refuse', id, error: lifecycle.stoppingError() });
    return;
  }
  if (kind === 'direct' && state.lastError !== null && state.counts.live === 0 && now < state.retryAt) {
    effects.push({ type: 'refuse', id, error: state.lastError });
    return;
  }
  arrive(turn, event.request);
}

function expire(turn: Turn): void {
  const { deadlines } = turn.state;
  for (let due = deadlines.peek(); due && due.at <= turn.now; due = deadlines.peek()) {
    deadlines.remove(due);
    onDue(turn, due.value);
  }
}

function onDue(turn: Turn, due: Due): void {
  switch (due.type) {
    case 'startDeadline':
      expireStart(turn, due.ticket);
      return;
    case 'retry':
      endRetryDelay(turn, due.ticket);
      return;
    case 'requestTimeout': {
      const { id, attempt, runner } = due.ticket;
      const detail = `The request ran longer than request_timeout (${runner?.revision.settings.requestTimeout} s).`;
      turn.effects.push({ type: 'abort', id, attempt, error: 'request_timeout' });
      endAttempt(turn, due.ticket, { kind: 'failure', error: 'request_timeout', detail });
      return;
    }
    case 'startupTimeout':
      lifecycle.startupTimedOut(turn, due.runner);
      return;
    case 'idle':
      expireIdle(turn, due.runner);
      return;
    case 'health':
      checkIsDue(turn, due.runner);
      return;
    case 'rescale':
      turn.state.rescale = null;
  }
}

/** Starts the runners that are missing, now or at the earliest moment at which they may start. */
function rescale(turn: Turn): void {
  const { state, now } = turn;
  if (state.rescale) state.deadlines.remove(state.rescale);
  state.rescale = null;
  const revision = state.current;
  if (revision === null || state.closing) return;
  const { settings } = revision;
  const max = revision.exclusive ? Math.min(1, settings.maxConcurrency) : settings.maxConcurrency;
  const wanted = Math.min(max, Math.max(desiredRunners(settings, demand(state)), state.warm ? 1 : 0));
  // Runners that are stopping hold their memory still: they count towards the maximum, not towards what serves.
  const missing = Math.min(wanted - state.counts.live, max - state.counts.current);
  if (missing <= 0) return;
  if (revision.exclusive ? state.runners.size > 0 : state.unproven !== null && state.counts.old > 0) return;
  const at = earliestStart(turn);
  if (at > now) {
    state.rescale = state.deadlines.add(at, { type: 'rescale' });
    return;
  }
  for (let i = 0; i < missing; i++) beginRunner(turn, revision, 'current', state.runners.size > 0);
}

function earliestStart(turn: Turn): number {
  const { state } = turn;
  const settings = state.current!.settings;
  const room = state.runners.size > 0 ? state.noRoomUntil : 0;
  const head = nextTicket(state);
  // scaling_delay holds back only what a waiting request asks for, not min_concurrency, the buffer or a warm start.
  const forRequests = head && !state.warm && state.counts.live >= desiredRunners(settings, 0);
  const delayed = forRequests ? head.arrivedAt + settings.scalingDelay * SECOND : 0;
  return Math.max(state.retryAt, state.noGpuUntil, room, delayed);
}
