import type { AppId, Priority, RunnerState, SerializedError, StartPhase } from '../contract/index.ts';
import type { AppEffect, Arrival, Revision } from './app-protocol.ts';
import { type Deadline, DeadlineHeap } from './deadline-heap.ts';
import { PLATFORM_CONSTANTS, type PlatformConstants } from './platform-constants.ts';
import { RequestQueue } from './request-queue.ts';
import type { RetryBudgets } from './retry-policy.ts';
import { Router } from './router.ts';
import { type Entry, TicketTable } from './ticket-table.ts';

/** A request while the core decides on it: from its arrival until it is accepted or ended. */
export interface Ticket {
  readonly id: string;
  readonly kind: 'queued' | 'direct';
  readonly priority: Priority;
  readonly hint: string | null;
  readonly noRetry: boolean;
  readonly retryConfig: string | null;
  readonly startDeadline: number | null;
  /** When it came into the queue for the first time; ms. */
  readonly arrivedAt: number;
  /** waiting: for its retry delay. */
  phase: 'queued' | 'waiting' | 'running';
  attempt: number;
  /** Replaced, never changed in place: it is the arrival's own. */
  spent: Readonly<RetryBudgets>;
  cancelRequested: boolean;
  runner: Runner | null;
  /** In its lane of the queue; -1 outside. */
  place: number;
  /** Start deadline; set while it waits. */
  startBy: Deadline<Due> | null;
  /** End of the retry delay, or request_timeout of the running attempt. */
  due: Deadline<Due> | null;
}

/** suspect: a connection to it broke, and until it was probed it gets nothing. */
export type RunnerPhase = 'starting' | 'ready' | 'suspect' | 'draining' | 'stopping';

export interface Runner {
  readonly id: string;
  readonly revision: Revision;
  readonly slots: number;
  /** next: it stands ready to replace; old: it was replaced. */
  cohort: 'current' | 'next' | 'old';
  phase: RunnerPhase;
  startPhase: StartPhase | null;
  readonly inFlight: Set<Ticket>;
  /** It stood in for one that served, or did itself: keep_alive applies, not the rule for unused runners. */
  used: boolean;
  /** Requests that it was ever given. */
  given: number;
  hints: string[];
  /** It was started to take over from this one. */
  replaces: Runner | null;
  /** startup_timeout or the end of its idle time. */
  due: Deadline<Due> | null;
  readonly health: RunnerHealth;
  /** Why it is being stopped, shown with its state. */
  reason: string;
}

/** How a runner stands with the app's own health check. */
export interface RunnerHealth {
  /** Its server is up; until a check succeeds it is not ready. */
  pending: boolean;
  /** A check is under way, and whether it was an answer of the app that asked for it. */
  asked: 'regular' | 'forced' | null;
  /** Checks in a row that failed, and what the last one said. */
  failures: number;
  detail: string;
  /** The next regular check. */
  due: Deadline<Due> | null;
}

/** What a deadline is for. */
export type Due =
  | { type: 'startDeadline'; ticket: Ticket }
  | { type: 'retry'; ticket: Ticket }
  | { type: 'requestTimeout'; ticket: Ticket }
  | { type: 'startupTimeout'; runner: Runner }
  | { type: 'idle'; runner: Runner }
  | { type: 'health'; runner: Runner }
  | { type: 'rescale' };

/** Numbers of runners by what scaling needs to know; kept, so that no step counts runners. */
export interface RunnerCounts {
  /** Of the current revision: starting, ready or suspect. */
  live: number;
  /** Of the current revision: ready or suspect. */
  serving: number;
  /** Of the current revision, any phase. */
  current: number;
  old: number;
}

/** A runner that did not start, shown as FAILURE_DELAY until the next one may. */
export interface FailureDelay {
  runner: string;
  revision: string;
  phase: StartPhase | null;
  since: number;
}

/** One app: queue, runners and revisions. Changed in place by `step` alone. */
export interface AppState {
  readonly id: AppId;
  readonly constants: PlatformConstants;
  readonly newRunnerId: () => string;
  current: Revision | null;
  /** A revision whose first runner is starting while the current one serves. */
  next: { revision: Revision; runner: Runner } | null;
  /** A revision that is current already, whose first runner decides whether its registration succeeded. */
  unproven: Revision | null;
  readonly queue: RequestQueue<Entry<Ticket>>;
  readonly tickets: TicketTable<Ticket>;
  /** Direct calls that wait for a slot: refused together when the app cannot start. */
  readonly directWaiters: Set<Ticket>;
  readonly runners: Map<string, Runner>;
  readonly router: Router<Runner>;
  readonly counts: RunnerCounts;
  readonly deadlines: DeadlineHeap<Due>;
  /** Tickets that wait for their retry delay, and that run on runners of the current revision. */
  waiting: number;
  running: number;
  failures: number;
  /** No start before this; ms. */
  retryAt: number;
  /** The runner whose failed start is waited for until then. */
  failureDelay: FailureDelay | null;
  /** No optional start before this, for want of memory, and no start at all, for want of a GPU; ms. */
  noRoomUntil: number;
  noGpuUntil: number;
  rescale: Deadline<Due> | null;
  /** A runner is wanted although no request asks for one. */
  warm: boolean;
  closing: boolean;
  lastError: SerializedError | null;
}

export function createAppState(
  id: AppId,
  newRunnerId: () => string,
  constants: PlatformConstants = PLATFORM_CONSTANTS,
): AppState {
  const tickets = new TicketTable<Ticket>();
  return {
    id,
    constants,
    newRunnerId,
    current: null,
    next: null,
    unproven: null,
    queue: new RequestQueue(tickets),
    tickets,
    directWaiters: new Set(),
    runners: new Map(),
    router: new Router(),
    counts: { live: 0, serving: 0, current: 0, old: 0 },
    deadlines: new DeadlineHeap(),
    waiting: 0,
    running: 0,
    failures: 0,
    retryAt: 0,
    failureDelay: null,
    noRoomUntil: 0,
    noGpuUntil: 0,
    rescale: null,
    warm: false,
    closing: false,
    lastError: null,
  };
}

/** What a step works with: the state, the time, and where effects go. */
export interface Turn {
  readonly state: AppState;
  /** ms since the epoch. */
  readonly now: number;
  readonly effects: AppEffect[];
}

/** Written out, not spread: with 100,000 of them the shape of the object counts. */
export function createTicket(arrival: Arrival, now: number): Ticket {
  return {
    id: arrival.id,
    kind: arrival.kind,
    priority: arrival.priority,
    hint: arrival.hint,
    noRetry: arrival.noRetry,
    retryConfig: arrival.retryConfig,
    startDeadline: arrival.startDeadline,
    attempt: arrival.attempt,
    spent: arrival.spent,
    arrivedAt: now,
    phase: 'queued',
    cancelRequested: false,
    runner: null,
    place: -1,
    startBy: null,
    due: null,
  };
}

/** The ticket of an id, to work on. */
export function ticketOf(state: AppState, id: string): Ticket | undefined {
  const entry = state.tickets.find(id);
  return entry === undefined ? undefined : unpacked(state, entry);
}

/** The ticket whose turn is next. */
export function nextTicket(state: AppState): Ticket | undefined {
  const entry = state.queue.peek();
  return entry === undefined ? undefined : unpacked(state, entry);
}

function unpacked(state: AppState, entry: Entry<Ticket>): Ticket {
  if (typeof entry !== 'number') return entry;
  const { arrival, arrivedAt, place } = state.tickets.take(entry);
  const ticket = createTicket(arrival, arrivedAt);
  state.tickets.add(ticket);
  state.queue.replace(place, ticket);
  return ticket;
}

/** Requests that will be served before this one; 0 for one that is not queued. O(log n). */
export function queuePosition(state: AppState, id: string): number {
  const entry = state.tickets.find(id);
  return entry === undefined ? 0 : state.queue.position(entry);
}

/** Requests that wait, for a slot or for their retry. */
export function waitingCount(state: AppState): number {
  return state.queue.size + state.waiting;
}

/** When `step` wants a tick; ms, null for never. */
export function nextDeadline(state: AppState): number | null {
  return state.deadlines.peek()?.at ?? null;
}

/** The state of a runner as fal names it (docs: deployment/runners). */
export function runnerState(runner: Runner): RunnerState {
  switch (runner.phase) {
    case 'starting':
      if (runner.startPhase === null) return 'PENDING';
      if (runner.startPhase !== 'installing') return 'SETUP';
      return runner.revision.image ? 'DOCKER_PULL' : 'PENDING';
    case 'draining':
      return 'DRAINING';
    case 'stopping':
      return 'TERMINATING';
    default:
      return runner.inFlight.size > 0 ? 'RUNNING' : 'IDLE';
  }
}

/** The failed start that is being waited for, null when the next one may begin. */
export function failureDelay(state: AppState, now: number): FailureDelay | null {
  return now < state.retryAt && state.counts.live === 0 ? state.failureDelay : null;
}
