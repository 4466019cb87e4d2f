import { expect, it } from 'vitest';
import { judgeWebhookCall, WEBHOOK_RETRY_SECONDS } from './webhook-policy.ts';

it.each([200, 201, 204, 299])('%i acknowledges, at whichever call', (status) => {
  for (const tries of [1, 2, 11]) {
    expect(judgeWebhookCall({ status }, tries, WEBHOOK_RETRY_SECONDS)).toEqual({ kind: 'delivered' });
  }
});

it.each([301, 302, 307, 308])('%i is final', (status) => {
  expect(judgeWebhookCall({ status }, 1, WEBHOOK_RETRY_SECONDS)).toMatchObject({ kind: 'given up' });
});

it.each([{ status: 500 }, { status: 404 }, { status: 429 }, { failure: 'connection refused' }])(
  '%o is tried again, ten times',
  (call) => {
    for (const [index, afterSeconds] of WEBHOOK_RETRY_SECONDS.entries()) {
      expect(judgeWebhookCall(call, index + 1, WEBHOOK_RETRY_SECONDS)).toMatchObject({ kind: 'again', afterSeconds });
    }
    expect(judgeWebhookCall(call, 11, WEBHOOK_RETRY_SECONDS)).toMatchObject({
      kind: 'given up',
      reason: expect.stringContaining('11 calls'),
    });
  },
);
