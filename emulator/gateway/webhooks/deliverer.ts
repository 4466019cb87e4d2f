import { Agent, request } from 'undici';
import type { RequestRecord } from '../../contract/index.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Disposable } from '../../core/disposable.ts';
import type { EventBus } from '../../core/event-bus.ts';
import type { Log } from '../../core/log.ts';
import {
  judgeWebhookCall,
  WEBHOOK_RETRY_SECONDS,
  WEBHOOK_TIMEOUT_SECONDS,
  type WebhookCall,
} from '../../core/webhook-policy.ts';
import type { RequestStore } from '../../store/store.ts';
import { isFalHost } from '../port/hosts.ts';
import { webhookBody } from './payload.ts';
import type { WebhookSigner } from './signer.ts';

/** Calls under way at a time: a slow receiver must not hold the sockets of all others. */
const AT_ONCE = 32;

export interface DelivererOptions {
  store: Pick<RequestStore, 'get' | 'result' | 'deliveries' | 'delivered'>;
  bus: EventBus;
  clock: Clock;
  log: Log;
  signer: WebhookSigner;
  /** `X-Fal-Webhook-User-Id`. */
  user: string;
  publicUrl: () => string;
  /** Waits before each further call, seconds. */
  retrySeconds?: readonly number[] | undefined;
}

/**
 * Calls the webhooks of requests that are complete until their receiver acknowledges. What is due stands in the store since the
 * commit of the result, so an emulator that was killed goes on where it was; a receiver may then be called twice for one request.
 */
export class WebhookDeliverer implements Disposable {
  private readonly options: DelivererOptions;
  private readonly agent = new Agent({ connect: { timeout: 0 }, headersTimeout: 0, bodyTimeout: 0 });
  /** Requests whose webhook is not through yet. */
  private readonly open = new Set<string>();
  private readonly ready: { id: string; tries: number }[] = [];
  private readonly waiting = new Set<Timer>();
  private readonly active = new Set<Promise<void>>();
  private readonly closing = new AbortController();
  private readonly subscription: Disposable;

  /** Begins with what an earlier emulator left. */
  constructor(options: DelivererOptions) {
    this.options = options;
    this.subscription = options.bus.on((event) => {
      if (event.type !== 'request.state' || event.state !== 'COMPLETED') return;
      if (options.store.get(event.request)?.webhook) this.begin(event.request, 0, 0);
    });
    for (const { request, tries, nextAt } of options.store.deliveries()) {
      this.begin(request, tries, nextAt - options.clock.now());
    }
  }

  /** Calls that are cut count for nothing: they are due at the next start. */
  async dispose(): Promise<void> {
    await this.subscription.dispose();
    this.closing.abort();
    for (const timer of this.waiting) timer.cancel();
    await Promise.all(this.active);
    await this.agent.destroy();
  }

  /** The event of an end and the store may both tell of one. */
  private begin(id: string, tries: number, inMs: number): void {
    if (this.open.has(id)) return;
    this.open.add(id);
    this.due(id, tries, inMs);
  }

  private due(id: string, tries: number, inMs: number): void {
    if (inMs > 0) {
      const timer = this.options.clock.setTimeout(() => {
        this.waiting.delete(timer);
        this.due(id, tries, 0);
      }, inMs);
      this.waiting.add(timer);
      return;
    }
    this.ready.push({ id, tries });
    this.pump();
  }

  private pump(): void {
    while (this.active.size < AT_ONCE && !this.closing.signal.aborted) {
      const next = this.ready.shift();
      if (!next) return;
      const delivering = this.deliver(next.id, next.tries)
        .catch((error: unknown) => {
          // What could not be stored is due still, and called again at the next start.
          this.options.log.error('a webhook could not be delivered', { request: next.id, error });
        })
        .finally(() => {
          this.active.delete(delivering);
          this.pump();
        });
      this.active.add(delivering);
    }
  }

  private async deliver(id: string, before: number): Promise<void> {
    const { store, bus, clock, retrySeconds = WEBHOOK_RETRY_SECONDS } = this.options;
    const record = store.get(id);
    if (!record?.webhook || record.outcome === null) {
      // Its record has expired meanwhile.
      this.open.delete(id);
      return;
    }
    const body = await webhookBody(record, record.outcome, await store.result(id), this.options.publicUrl());
    const call = await this.call(record, record.webhook, body);
    if (this.closing.signal.aborted) return;
    const tries = before + 1;
    const verdict = judgeWebhookCall(call, tries, retrySeconds);
    const waitMs = verdict.kind === 'again' ? verdict.afterSeconds * 1000 : null;
    const nextAt = waitMs === null ? null : clock.now() + waitMs;
    bus.emit({
      type: 'webhook',
      app: record.app,
      request: id,
      url: withoutSecrets(record.webhook),
      call: tries,
      result: verdict.kind,
      status: 'status' in call ? call.status : null,
      reason: verdict.kind === 'delivered' ? '' : verdict.reason,
      nextAt,
    });
    await store.delivered(id, tries, nextAt);
    if (waitMs === null) this.open.delete(id);
    else this.due(id, tries, waitMs);
  }

  private async call(record: RequestRecord, webhook: string, body: Buffer): Promise<WebhookCall> {
    const { clock, signer, user, publicUrl } = this.options;
    const url = new URL(webhook);
    const headers: Record<string, string> = {
      'content-type': 'application/json',
      'user-agent': 'windtunnel-webhook',
      ...signer.headers(record.id, user, body, clock.now()),
    };
    if (url.username !== '' || url.password !== '') {
      const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
      headers.authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
    }
    // A receiver under one of fal's names is an app that runs here: nothing goes to fal unasked.
    const base = isFalHost(url.hostname) ? `${publicUrl()}/_h/${url.hostname}` : url.origin;
    const late = new AbortController();
    const timer = clock.setTimeout(() => late.abort(), WEBHOOK_TIMEOUT_SECONDS * 1000);
    try {
      const answer = await request(`${base}${url.pathname}${url.search}`, {
        method: 'POST',
        dispatcher: this.agent,
        headers,
        body,
        signal: AbortSignal.any([late.signal, this.closing.signal]),
      });
      await answer.body.dump();
      return { status: answer.statusCode };
    } catch (error) {
      if (late.signal.aborted) return { failure: `no answer within ${WEBHOOK_TIMEOUT_SECONDS} s` };
      return { failure: reasonOf(error) };
    } finally {
      timer.cancel();
    }
  }
}

/** For a person: what stands in user name and query is often a key. */
function withoutSecrets(webhook: string): string {
  const { origin, pathname } = new URL(webhook);
  return `${origin}${pathname}`;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Several addresses were tried: each has an error of its own, the group has no words.
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  return error.message;
}
