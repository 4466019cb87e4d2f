import { type AppId, LIMITS, type LogLine, type RequestRecord, WindtunnelError } from '../contract/index.ts';
import type { Arrival } from '../core/app-protocol.ts';
import { queuePosition, ticketOf } from '../core/app-state.ts';
import type { Disposable } from '../core/disposable.ts';
import { NOTHING_SPENT } from '../store/packed-records.ts';
import type { StoredBody } from '../store/store.ts';
import type { AppHost } from './app-host.ts';
import type { CancelAnswer, Queue, RequestChange, SubmitInput } from './fleet.ts';
import type { FleetContext } from './options.ts';
import type { QueuedWork } from './queued-work.ts';
import { requestEvent } from './request-event.ts';
import type { Watchers } from './watchers.ts';

const SECOND = 1000;

/** The queue as the gateway sees it: what is accepted is durable before anyone is told. */
export class QueueService implements Queue {
  private readonly context: FleetContext;
  private readonly work: QueuedWork;
  private readonly watchers: Watchers;
  private readonly hostOf: (app: AppId) => AppHost | undefined;
  /** Inputs of all requests that are not complete, in bytes. */
  private queuedBytes = 0;
  /** Submits on their way to the disk, by app: they count as waiting. */
  private readonly submitting = new Map<AppId, number>();

  constructor(
    context: FleetContext,
    work: QueuedWork,
    watchers: Watchers,
    hostOf: (app: AppId) => AppHost | undefined,
  ) {
    this.context = context;
    this.work = work;
    this.watchers = watchers;
    this.hostOf = hostOf;
  }

  async submit(input: SubmitInput): Promise<RequestRecord> {
    const host = this.hostOf(input.app);
    if (!host?.definition) throw new WindtunnelError('E_UNKNOWN_APP', `No app ${input.app} runs here`);
    const size = input.body.kind === 'file' ? input.body.size : input.body.bytes.byteLength;
    this.checkLimits(host, input, size);
    this.context.failpoints.hit('fleet.before-submit');
    const record = this.newRecord(host, input, size);
    const { app } = record;
    this.queuedBytes += size;
    this.submitting.set(app, (this.submitting.get(app) ?? 0) + 1);
    try {
      await this.context.store.submit(record, input.body);
    } catch (error) {
      this.queuedBytes -= size;
      throw error;
    } finally {
      this.submitting.set(app, (this.submitting.get(app) ?? 1) - 1);
    }
    this.context.bus.emit(requestEvent(record, ''));
    host.apply({ type: 'arrive', request: toArrival(record) });
    return record;
  }

  get(id: string): RequestRecord | undefined {
    return this.context.store.get(id);
  }

  position(record: RequestRecord): number {
    const host = this.hostOf(record.app);
    return host ? queuePosition(host.state, record.id) : 0;
  }

  logs(id: string, from?: number): Promise<LogLine[]> {
    return this.context.store.logs(id, from);
  }

  result(id: string): Promise<StoredBody | null> {
    return this.context.store.result(id);
  }

  async cancel(id: string): Promise<CancelAnswer> {
    const record = this.context.store.get(id);
    if (!record) return 'NOT_FOUND';
    const host = this.hostOf(record.app);
    // Not known to the core any more: its result is on the way to the disk.
    const ticket = host && ticketOf(host.state, id);
    if (!host || !ticket) return 'ALREADY_COMPLETED';
    record.cancelRequested = true;
    this.context.bus.emit({ type: 'request.cancel', app: record.app, request: id });
    if (ticket.phase === 'running') await this.context.store.update(record);
    host.apply({ type: 'cancel', id });
    if (ticket.phase !== 'running') await this.work.finished(id);
    this.context.failpoints.hit('fleet.cancel-acknowledged');
    this.watchers.positionsChanged(record.app);
    return 'CANCELLATION_REQUESTED';
  }

  async flush(app: AppId): Promise<number> {
    const waiting: string[] = [];
    for (const record of this.context.store.records()) {
      if (record.app === app && record.state === 'IN_QUEUE') waiting.push(record.id);
    }
    await Promise.all(waiting.map((id) => this.cancel(id)));
    return waiting.length;
  }

  watch(id: string, listener: (change: RequestChange) => void): Disposable {
    return this.watchers.watch(id, listener);
  }

  /** A request has ended: its input no longer counts. */
  ended(record: RequestRecord): void {
    this.queuedBytes -= record.inputBytes;
    this.watchers.positionsChanged(record.app);
  }

  /** Takes in what an earlier emulator left: what ran begins its next attempt. */
  restore(hostFor: (app: AppId) => AppHost): void {
    const { store, log } = this.context;
    for (const record of [...store.records()]) {
      if (record.state === 'COMPLETED') continue;
      this.queuedBytes += record.inputBytes;
      if (record.state === 'IN_PROGRESS') {
        record.state = 'IN_QUEUE';
        this.context.bus.emit(requestEvent(record, 'the emulator ended while it ran'));
        store
          .update(record)
          .catch((error: unknown) => log.error('a state was not stored', { request: record.id, error }));
      }
      const host = hostFor(record.app);
      host.apply({ type: 'arrive', request: toArrival(record) });
      if (record.cancelRequested) host.apply({ type: 'cancel', id: record.id });
    }
  }

  private checkLimits(host: AppHost, input: SubmitInput, size: number): void {
    const waiting = host.waiting + (this.submitting.get(host.id) ?? 0);
    if (input.maxQueueLength !== null && waiting > input.maxQueueLength) {
      throw new WindtunnelError('E_LIMIT', `${waiting} requests of ${host.id} wait, more than fal_max_queue_length`);
    }
    if (waiting >= LIMITS.queuedRequests) {
      throw new WindtunnelError('E_LIMIT', `${waiting} requests of ${host.id} wait, the most there may be`);
    }
    if (this.queuedBytes + size > LIMITS.queuedBytes) {
      throw new WindtunnelError('E_LIMIT', `The inputs that wait may not be larger than ${LIMITS.queuedBytes} bytes`);
    }
  }

  private newRecord(host: AppHost, input: SubmitInput, size: number): RequestRecord {
    const { clock, store, newId } = this.context;
    // randomUUID joins pieces, which V8 keeps as a tree of strings for the life of the id: this is one flat string.
    const id = Buffer.from(newId(), 'latin1').toString('latin1');
    const now = clock.now();
    const startTimeout = input.startTimeout ?? host.definition?.settings.requestStartTimeout ?? null;
    return {
      id,
      app: input.app,
      path: input.path,
      method: input.method,
      priority: input.priority,
      seq: store.nextSeq(),
      createdAt: now,
      startDeadline: startTimeout === null ? null : now + startTimeout * SECOND,
      hint: input.hint,
      noRetry: input.noRetry,
      retryConfig: input.retryConfig,
      webhook: input.webhook,
      inputBytes: size,
      storeIo: input.storeIo,
      headers: input.headers,
      state: 'IN_QUEUE',
      attempt: 0,
      gatewayRequestId: id,
      retriesSpent: NOTHING_SPENT,
      cancelRequested: false,
      startedAt: null,
      completedAt: null,
      runnerId: null,
      outcome: null,
    };
  }
}

function toArrival(record: RequestRecord): Arrival {
  const { id, priority, hint, noRetry, retryConfig, startDeadline, attempt, retriesSpent } = record;
  return { id, kind: 'queued', priority, hint, noRetry, retryConfig, startDeadline, attempt, spent: retriesSpent };
}
