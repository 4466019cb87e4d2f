import { describe, expect, it } from 'vitest';
import {
  type AttemptEnd,
  judgeAttempt,
  parseRetryBudgets,
  parseRetryHeader,
  type RetryQuestion,
} from './retry-policy.ts';

const question: RetryQuestion = {
  attempts: 1,
  maxAttempts: 10,
  noRetry: false,
  callerBudgets: null,
  appBudgets: {},
  skip: [],
  spent: {},
};
const judge = (end: AttemptEnd, more: Partial<RetryQuestion> = {}) => {
  const { retry, runner } = judgeAttempt(end, { ...question, ...more });
  return `${retry ?? 'final'}, ${runner}`;
};
const answer = (status: number, more: { needsRetry?: boolean; stopRunner?: boolean } = {}): AttemptEnd => ({
  kind: 'answer',
  status,
  needsRetry: more.needsRetry ?? null,
  stopRunner: more.stopRunner ?? null,
});
const failure = (error: Extract<AttemptEnd, { kind: 'failure' }>['error']): AttemptEnd => ({
  kind: 'failure',
  error,
  detail: '',
});

describe('by status', () => {
  it.each([
    [200, 'final, keep'],
    [302, 'final, keep'],
    [404, 'final, keep'],
    [422, 'final, keep'],
    [429, 'final, keep'],
    [500, 'final, probe'],
    [502, 'final, probe'],
    [503, 'server_error, kill'],
    [504, 'server_error, probe'],
  ])('%i: %s', (status, expected) => expect(judge(answer(status))).toBe(expected));
});

describe('by failure', () => {
  it.each([
    ['request_timeout', 'timeout, kill'],
    ['runner_disconnected', 'server_error, probe'],
    ['runner_incomplete_response', 'server_error, probe'],
    ['runner_connection_refused', 'connection_error, probe'],
    ['runner_connection_timeout', 'connection_error, probe'],
    ['runner_connection_error', 'connection_error, probe'],
    ['client_disconnected', 'final, keep'],
    ['internal_error', 'final, keep'],
  ] as const)('%s: %s', (error, expected) => expect(judge(failure(error))).toBe(expected));
});

describe('what the app says', () => {
  it('X-Fal-Needs-Retry counts on 5xx and 429 only, and more than status and skip', () => {
    expect(judge(answer(500, { needsRetry: true }), { skip: ['server_error'] })).toBe('server_error, probe');
    expect(judge(answer(429, { needsRetry: true }))).toBe('server_error, keep');
    expect(judge(answer(503, { needsRetry: false }))).toBe('final, kill');
    expect(judge(answer(200, { needsRetry: true }))).toBe('final, keep');
    expect(judge(answer(422, { needsRetry: true }))).toBe('final, keep');
  });

  it('x-fal-stop-runner decides on the runner alone', () => {
    expect(judge(answer(503, { stopRunner: false }))).toBe('server_error, keep');
    expect(judge(answer(200, { stopRunner: true }))).toBe('final, kill');
  });

  it('skip_retry_conditions takes a condition out', () => {
    expect(judge(answer(503), { skip: ['server_error'] })).toBe('final, kill');
    expect(judge(failure('request_timeout'), { skip: ['timeout'] })).toBe('final, kill');
    expect(judge(failure('runner_connection_refused'), { skip: ['server_error'] })).toBe('connection_error, probe');
  });
});

describe('how often', () => {
  it('ten attempts in all', () => {
    expect(judge(answer(503), { attempts: 9 })).toBe('server_error, kill');
    expect(judge(answer(503), { attempts: 10 })).toBe('final, kill');
  });

  it('the caller’s no-retry beats everything', () => {
    expect(judge(answer(503), { noRetry: true, callerBudgets: { server_error: 5 } })).toBe('final, kill');
    expect(judge(answer(500, { needsRetry: true }), { noRetry: true })).toBe('final, probe');
  });

  it('budgets by condition: the caller’s before the app’s, N means N more', () => {
    const app = { appBudgets: { server_error: 2 } };
    expect(judge(answer(503), { ...app, spent: { server_error: 1 } })).toBe('server_error, kill');
    expect(judge(answer(503), { ...app, spent: { server_error: 2 } })).toBe('final, kill');
    expect(judge(answer(503), { ...app, spent: { timeout: 2 } })).toBe('server_error, kill');
    expect(judge(answer(503), { ...app, callerBudgets: { server_error: 0 } })).toBe('final, kill');
    expect(judge(answer(503), { ...app, callerBudgets: { timeout: 0 }, spent: { server_error: 7 } })).toBe(
      'server_error, kill',
    );
  });

  it.each([
    ['{"server_error":{"retries":3}}', { server_error: 3 }],
    ['{"timeout":{"retries":0},"connection_error":{"retries":1}}', { timeout: 0, connection_error: 1 }],
    ['{"server_error":{"retries":-1}}', null],
    ['{"server_error":"3"}', null],
    ['not json', null],
    [null, null],
  ])('reads X-Fal-Retry-Config %s', (header, expected) => expect(parseRetryHeader(header)).toEqual(expected));

  it('reads the short form of the SDK’s RetryConfig', () => {
    expect(parseRetryBudgets({ server_error: 3, timeout: 1 })).toEqual({ server_error: 3, timeout: 1 });
    expect(parseRetryBudgets(null)).toBeNull();
  });
});
