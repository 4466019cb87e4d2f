/**
 * Waits before the second and each later call of a webhook, seconds. fal calls up to 10 times more over 2 hours (docs:
 * model-apis/inference/webhooks); ours are pressed into five minutes, so that one can wait for them at a desk.
 */
export const WEBHOOK_RETRY_SECONDS: readonly number[] = [1, 2, 5, 10, 20, 30, 60, 60, 60, 60];

/** How long a receiver may take, seconds (same source). */
export const WEBHOOK_TIMEOUT_SECONDS = 15;

/** How one call of a webhook ended: with the receiver's status, or without an answer. */
export type WebhookCall = { status: number } | { failure: string };

export type WebhookVerdict =
  | { kind: 'delivered' }
  | { kind: 'again'; afterSeconds: number; reason: string }
  | { kind: 'given up'; reason: string };

/** What follows from a call, the `tries`-th. 2xx acknowledges, 3xx is not followed and final, all else is tried again. */
export function judgeWebhookCall(call: WebhookCall, tries: number, waits: readonly number[]): WebhookVerdict {
  if ('status' in call) {
    if (call.status >= 200 && call.status < 300) return { kind: 'delivered' };
    if (call.status >= 300 && call.status < 400) {
      return { kind: 'given up', reason: `the receiver answered ${call.status}, and redirects are not followed` };
    }
  }
  const reason = 'status' in call ? `the receiver answered ${call.status}` : call.failure;
  const afterSeconds = waits[tries - 1];
  return afterSeconds === undefined
    ? { kind: 'given up', reason: `${reason}, after ${tries} calls` }
    : { kind: 'again', afterSeconds, reason };
}
