import { forceCheck } from './app-health.ts';
import type { Arrival, EndError } from './app-protocol.ts';
import { clearRunnerDue, countsAsServing, settleRunner, stopRunner } from './app-runners.ts';
import { createTicket, nextTicket, type Runner, type Ticket, type Turn } from './app-state.ts';
import { retryDelaySeconds } from './platform-constants.ts';
import { type AttemptEnd, judgeAttempt, parseRetryHeader } from './retry-policy.ts';

const SECOND = 1000;

export function arrive(turn: Turn, arrival: Arrival): void {
  const { state } = turn;
  if (state.queue.size >= state.constants.packFrom) {
    // Far from its turn: many such must not take much memory.
    const row = state.tickets.pack(arrival, turn.now);
    if (row !== null) {
      state.queue.push(row);
      return;
    }
  }
  const ticket = createTicket(arrival, turn.now);
  state.tickets.add(ticket);
  if (ticket.attempt >= state.constants.maxAttempts) {
    endTicket(turn, ticket, 'runner_disconnected', `No attempt of ${ticket.attempt} came to an end.`);
    return;
  }
  if (ticket.kind === 'direct') state.directWaiters.add(ticket);
  enqueue(turn, ticket);
}

/** A queued request ends at once; a running one is told to, and its answer is the result. */
export function cancel(turn: Turn, ticket: Ticket): void {
  if (ticket.kind === 'direct') {
    if (ticket.phase !== 'running') forget(turn, ticket);
    return;
  }
  if (!ticket.runner) {
    endTicket(turn, ticket, 'client_cancelled', 'The request was cancelled while it was queued.');
    return;
  }
  if (ticket.cancelRequested) return;
  ticket.cancelRequested = true;
  turn.effects.push({ type: 'cancelOnRunner', id: ticket.id, runner: ticket.runner.id });
}

/** Sends what waits to the free slots. */
export function pump(turn: Turn): void {
  const { state } = turn;
  if (state.closing || state.current === null) return;
  while (state.router.hasFree) {
    const ticket = nextTicket(state);
    if (!ticket) return;
    dispatch(turn, ticket, state.router.pick(ticket.hint)!);
  }
}

export function endAttempt(
  turn: Turn,
  ticket: Ticket,
  end: AttemptEnd,
  hints: string[] | null = null,
  checkHealth = false,
): void {
  const { state, effects } = turn;
  const runner = ticket.runner!;
  const verdict = judgeAttempt(end, {
    attempts: ticket.attempt,
    maxAttempts: state.constants.maxAttempts,
    noRetry: ticket.noRetry || ticket.kind === 'direct',
    callerBudgets: parseRetryHeader(ticket.retryConfig),
    appBudgets: runner.revision.settings.retryBudgets,
    skip: runner.revision.settings.skipRetryConditions,
    spent: ticket.spent,
  });
  release(turn, ticket, runner, end, hints);
  if (verdict.runner === 'kill') stopRunner(turn, runner, killReason(end));
  else if (verdict.runner === 'probe') probe(turn, runner, end.kind === 'failure');
  if (checkHealth) forceCheck(turn, runner);
  settleRunner(turn, runner);

  if (ticket.kind === 'direct') {
    forget(turn, ticket);
    return;
  }
  if (end.kind === 'failure' && state.closing) return;
  if (verdict.retry !== null && !ticket.cancelRequested) {
    ticket.spent = { ...ticket.spent, [verdict.retry]: (ticket.spent[verdict.retry] ?? 0) + 1 };
    requeue(turn, ticket, end);
    return;
  }
  if (end.kind === 'answer') {
    forget(turn, ticket);
    effects.push({ type: 'accept', id: ticket.id });
  } else if (ticket.cancelRequested) {
    endTicket(turn, ticket, 'client_cancelled', 'The request was cancelled and its runner gave no answer.');
  } else endTicket(turn, ticket, end.error, end.detail);
}

/** The retry delay of a request is over. */
export function endRetryDelay(turn: Turn, ticket: Ticket): void {
  ticket.due = null;
  turn.state.waiting--;
  enqueue(turn, ticket);
}

/** It was not started in time. Checked only before processing; the runner is not touched (fal: 504, no retry). */
export function expireStart(turn: Turn, ticket: Ticket): void {
  ticket.startBy = null;
  endTicket(turn, ticket, 'start_timeout', 'The request was not started within its start timeout.');
}

/** Ends a request for which there is no answer of the app. */
export function endTicket(turn: Turn, ticket: Ticket, error: EndError, detail: string): void {
  forget(turn, ticket);
  turn.effects.push({ type: 'end', id: ticket.id, error, detail });
}

/** Takes a request out of the state, wherever it stands. */
export function forget(turn: Turn, ticket: Ticket): void {
  const { state } = turn;
  state.tickets.delete(ticket);
  state.directWaiters.delete(ticket);
  state.queue.remove(ticket);
  if (ticket.phase === 'waiting' && ticket.due) state.waiting--;
  clearDeadlines(turn, ticket);
}

function enqueue(turn: Turn, ticket: Ticket): void {
  if (ticket.startDeadline !== null && ticket.startDeadline <= turn.now) {
    expireStart(turn, ticket);
    return;
  }
  ticket.phase = 'queued';
  turn.state.queue.push(ticket);
  armStartDeadline(turn, ticket);
}

function dispatch(turn: Turn, ticket: Ticket, runner: Runner): void {
  const { state, effects, now } = turn;
  state.queue.remove(ticket);
  state.directWaiters.delete(ticket);
  clearDeadlines(turn, ticket);
  ticket.phase = 'running';
  ticket.attempt++;
  ticket.runner = runner;
  const timeout = runner.revision.settings.requestTimeout;
  ticket.due = state.deadlines.add(now + timeout * SECOND, { type: 'requestTimeout', ticket });
  clearRunnerDue(state, runner);
  runner.inFlight.add(ticket);
  runner.given++;
  state.running++;
  state.router.taken(runner);
  effects.push({ type: 'dispatch', id: ticket.id, runner: runner.id, attempt: ticket.attempt });
  if (runner.inFlight.size === 1) {
    effects.push({ type: 'runnerState', runner: runner.id, state: 'RUNNING', phase: null, reason: '' });
  }
}

function release(turn: Turn, ticket: Ticket, runner: Runner, end: AttemptEnd, hints: string[] | null): void {
  runner.inFlight.delete(ticket);
  if (countsAsServing(runner)) turn.state.running--;
  clearDeadlines(turn, ticket);
  ticket.runner = null;
  if (end.kind !== 'answer') return;
  runner.used = true;
  if (hints !== null && runner.phase === 'ready') turn.state.router.advertise(runner, hints);
}

function requeue(turn: Turn, ticket: Ticket, end: AttemptEnd): void {
  const { state, effects, now } = turn;
  if (ticket.startDeadline !== null && ticket.startDeadline <= now) {
    expireStart(turn, ticket);
    return;
  }
  ticket.phase = 'waiting';
  state.waiting++;
  const delay = retryDelaySeconds(ticket.attempt, state.constants);
  ticket.due = state.deadlines.add(now + delay * SECOND, { type: 'retry', ticket });
  armStartDeadline(turn, ticket);
  const reason = end.kind === 'answer' ? `the runner answered ${end.status}` : end.error;
  effects.push({ type: 'requeue', id: ticket.id, reason, spent: ticket.spent });
}

function probe(turn: Turn, runner: Runner, suspect: boolean): void {
  if (runner.phase !== 'ready' && runner.phase !== 'suspect') return;
  if (suspect && runner.phase === 'ready') {
    turn.state.router.suspend(runner);
    runner.phase = 'suspect';
  }
  turn.effects.push({ type: 'probeRunner', runner: runner.id });
}

function armStartDeadline(turn: Turn, ticket: Ticket): void {
  if (ticket.startDeadline === null || ticket.startBy) return;
  ticket.startBy = turn.state.deadlines.add(ticket.startDeadline, { type: 'startDeadline', ticket });
}

function clearDeadlines(turn: Turn, ticket: Ticket): void {
  if (ticket.startBy) turn.state.deadlines.remove(ticket.startBy);
  if (ticket.due) turn.state.deadlines.remove(ticket.due);
  ticket.startBy = null;
  ticket.due = null;
}

const killReason = (end: AttemptEnd): string =>
  end.kind === 'failure'
    ? end.error
    : `the app answered ${end.status}${end.stopRunner ? ' with x-fal-stop-runner' : ''}`;
