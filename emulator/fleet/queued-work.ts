import { rm } from 'node:fs/promises';
import type { HeaderList, LogLine, RequestOutcome, RequestRecord } from '../contract/index.ts';
import type { EndError } from '../core/app-protocol.ts';
import type { RetryBudgets } from '../core/retry-policy.ts';
import type { StoredBody } from '../store/store.ts';
import type { AppHost } from './app-host.ts';
import { type AttemptReport, failed, type RunnerAnswer, sendAttempt } from './attempt.ts';
import type { FleetContext } from './options.ts';
import { answerOutcome, failureOutcome } from './outcome.ts';
import { RequestAliases } from './request-aliases.ts';
import { RequestEnds } from './request-ends.ts';
import { requestEvent } from './request-event.ts';
import { cancelOnRunner } from './runner-cancel.ts';
import { runnerHeaders } from './runner-headers.ts';
import type { RunnerHost } from './runner-host.ts';
import type { Watchers } from './watchers.ts';

interface Running {
  attempt: number;
  giveUp: AbortController;
}

/** Between two tries to store a result that could not be stored (a full disk, say). ms. */
const COMMIT_RETRY_MS = 5000;

/** Queued requests from dispatch to stored result. */
export class QueuedWork {
  private readonly context: FleetContext;
  private readonly watchers: Watchers;
  private readonly running = new Map<string, Running>();
  /** Answers that the core has yet to judge. */
  private readonly answers = new Map<string, RunnerAnswer>();
  /** Results on their way to the disk. */
  private readonly finishing = new Map<string, Promise<void>>();
  private readonly aliases = new RequestAliases();
  private readonly ends: RequestEnds;
  /** Answered attempts whose last lines may still be on their way; the result is stored after them. */
  private readonly lastLines = new Map<string, Promise<void>>();
  private readonly closing = new AbortController();

  private readonly onEnded: (record: RequestRecord) => void;

  constructor(context: FleetContext, watchers: Watchers, onEnded: (record: RequestRecord) => void) {
    this.context = context;
    this.watchers = watchers;
    this.onEnded = onEnded;
    this.ends = new RequestEnds(context.clock);
  }

  /** The result that is being stored for this request, if one is. Rejects when it could not be stored at first. */
  finished(id: string): Promise<void> | undefined {
    return this.finishing.get(id);
  }

  dispatch(host: AppHost, id: string, runner: RunnerHost, attempt: number): void {
    const record = this.context.store.get(id)!;
    const { clock, newId } = this.context;
    const since = record.startedAt ?? record.createdAt;
    record.state = 'IN_PROGRESS';
    record.attempt = attempt;
    record.runnerId = runner.id;
    record.startedAt = clock.now();
    record.gatewayRequestId = attempt === 1 ? id : newId();
    if (attempt > 1) this.aliases.add(record.gatewayRequestId, id);
    if (runner.reportsEnds) this.ends.expect(record.gatewayRequestId, runner.id);
    const running = { attempt, giveUp: new AbortController() };
    this.running.set(id, running);
    const cold = runner.start.waitedFrom(since);
    if (cold) {
      const about = { app: record.app, request: id, attempt, runner: runner.id };
      this.context.bus.emit({ type: 'request.cold_start', ...about, ...cold });
    }
    // Told before it is written: the story goes with the state.
    this.announce(record, '');
    this.persist(record);
    this.watchers.positionsChanged(record.app);
    this.carryThrough(host, record, runner, running).catch((error: unknown) =>
      this.context.log.error('the end of an attempt could not be taken in', { request: id, error }),
    );
  }

  abort(id: string, attempt: number, error: string): void {
    const running = this.running.get(id);
    if (running?.attempt === attempt) running.giveUp.abort(error);
  }

  cancelOnRunner(id: string, runner: RunnerHost): void {
    const record = this.context.store.get(id)!;
    const { app, path, gatewayRequestId: requestId } = record;
    const call = { app, path, requestId, secret: runner.secret };
    cancelOnRunner(runner.dispatcher, call, record.headers).catch((error: unknown) =>
      this.context.log.debug('a runner did not take a cancellation', { request: id, error }),
    );
  }

  requeue(id: string, reason: string, spent: Readonly<RetryBudgets>): void {
    this.lastLines.delete(id);
    const record = this.context.store.get(id)!;
    record.state = 'IN_QUEUE';
    record.retriesSpent = spent;
    this.announce(record, reason);
    this.persist(record);
  }

  accept(id: string): void {
    const record = this.context.store.get(id)!;
    const answer = this.answers.get(id)!;
    this.answers.delete(id);
    const now = this.context.clock.now();
    this.finish(record, answerOutcome(record, answer, now), answer.body);
  }

  end(id: string, error: EndError, detail: string): void {
    const record = this.context.store.get(id)!;
    const { outcome, body } = failureOutcome(record, error, detail, this.context.clock.now());
    this.finish(record, outcome, { kind: 'bytes', bytes: body });
  }

  log(request: string, line: LogLine): boolean {
    const id = this.aliases.get(request) ?? request;
    if (!this.context.store.get(id)) return false;
    this.context.store.appendLogs(id, [line]);
    this.watchers.changed(id);
    return true;
  }

  requestEnded(request: string): void {
    this.ends.seen(request);
  }

  runnerGone(runner: string): void {
    this.ends.runnerGone(runner);
  }

  /** Resolves once no result is on its way to the disk any more. */
  async settle(): Promise<void> {
    this.closing.abort();
    this.ends.dispose();
    await Promise.allSettled([...this.finishing.values()]);
  }

  private async carryThrough(
    host: AppHost,
    record: RequestRecord,
    runner: RunnerHost,
    running: Running,
  ): Promise<void> {
    const { id, gatewayRequestId } = record;
    const report = await this.attempt(record, runner, running);
    if (this.running.get(id) === running) this.running.delete(id);
    if (running.giveUp.signal.aborted) {
      this.ends.forget(gatewayRequestId);
      return this.discard(report.answer);
    }
    const lastLine = this.ends.wait(gatewayRequestId);
    if (lastLine) this.lastLines.set(id, lastLine);
    if (report.answer) this.answers.set(id, report.answer);
    const { end, hints, checkHealth } = report;
    host.apply({ type: 'attemptEnded', id, attempt: running.attempt, end, hints, checkHealth });
    // Still here: it was not accepted, the request is tried again.
    const unwanted = this.answers.get(id) ?? null;
    this.answers.delete(id);
    return this.discard(unwanted);
  }

  private async attempt(record: RequestRecord, runner: RunnerHost, running: Running): Promise<AttemptReport> {
    const { store, failpoints, faults } = this.context;
    const { app, path, method, gatewayRequestId: requestId } = record;
    try {
      failpoints.hit('fleet.before-dispatch');
      const headers: HeaderList = runnerHeaders({ app, path, requestId, secret: runner.secret }, record.headers);
      const body = await store.input(record.id);
      const route = faults.route(app, runner, record.id, path);
      const report = await sendAttempt({
        dispatcher: route.dispatcher,
        method,
        path,
        headers,
        body,
        signal: running.giveUp.signal,
        newBodyFile: () => store.newBodyFile(),
        onSent: () => failpoints.hit('fleet.after-dispatch'),
      }).finally(() => route.done());
      failpoints.hit('fleet.after-runner-answer');
      return report;
    } catch (error) {
      this.context.log.error('an attempt failed inside the emulator', { request: record.id, error });
      const detail = error instanceof Error ? error.message : String(error);
      return failed('internal_error', detail);
    }
  }

  private finish(record: RequestRecord, outcome: RequestOutcome, result: StoredBody): void {
    const { id } = record;
    const lastLine = this.lastLines.get(id);
    this.lastLines.delete(id);
    const commit = () => this.commit(record, outcome, result);
    const storing = lastLine ? lastLine.then(commit) : commit();
    this.finishing.set(id, storing);
    storing.then(
      () => this.finishing.delete(id),
      (error: unknown) => {
        const message = error instanceof Error ? error.message : String(error);
        this.context.log.error('a result could not be stored, will try again', { request: id, error });
        this.context.bus.emit({ type: 'emulator.notice', level: 'error', code: 'E_STORE', message });
        this.finishing.delete(id);
        this.context.clock.sleep(COMMIT_RETRY_MS, this.closing.signal).then(
          () => this.finish(record, outcome, result),
          () => this.context.log.warn('a result was not stored, its request will run again', { request: id }),
        );
      },
    );
  }

  private async commit(record: RequestRecord, outcome: RequestOutcome, result: StoredBody): Promise<void> {
    const { store, clock, failpoints } = this.context;
    await store.complete(record, outcome, clock.now(), result);
    failpoints.hit('fleet.result-acknowledged');
    this.onEnded(record);
    this.announce(record, outcome.error ?? '');
  }

  private persist(record: RequestRecord): void {
    // Not waited for: a state that is lost with the process only makes the request run again, as it would anyway.
    this.context.store
      .update(record)
      .catch((error: unknown) => this.context.log.error('a state was not stored', { request: record.id, error }));
  }

  private announce(record: RequestRecord, reason: string): void {
    this.context.bus.emit(requestEvent(record, reason));
    this.watchers.changed(record.id);
  }

  private async discard(answer: RunnerAnswer | null): Promise<void> {
    if (answer?.body.kind === 'file') await rm(answer.body.path, { force: true });
  }
}
