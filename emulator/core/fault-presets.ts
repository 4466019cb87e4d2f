import type { Scenario } from '../contract/index.ts';

export interface FaultPreset {
  scenario: Scenario;
  /** What a caller of the queue sees. */
  queue: string;
  /** What a direct caller sees, with each official client: they differ in what they try again by themselves. */
  direct: { python: string; js: string };
}

/** Scenarios that `run --scenario NAME` knows without a file. test/faults shows what the clients see under each. */
export const FAULT_PRESETS: Readonly<Record<string, FaultPreset>> = {
  flaky: {
    scenario: {
      description: 'One attempt in five is answered 503.',
      rules: [{ fault: { kind: 'status', status: 503 }, rate: 0.2 }],
    },
    queue: 'nothing: the attempt is made again, on a fresh runner',
    direct: { python: '503, where it struck', js: 'the result: it tries again by itself' },
  },
  unavailable: {
    scenario: {
      description: 'Every attempt is answered 503.',
      rules: [{ fault: { kind: 'status', status: 503 } }],
    },
    queue: 'COMPLETED with an error after 10 attempts; the result is 503',
    direct: { python: '503', js: '503, after it has tried four times' },
  },
  'rate-limited': {
    scenario: {
      description: 'The first two attempts are answered 429.',
      rules: [
        {
          fault: {
            kind: 'status',
            status: 429,
            body: { detail: 'Too many requests' },
            headers: { 'retry-after': '1' },
          },
          count: 2,
        },
      ],
    },
    queue: '429 as the result: a 4xx is not tried again, the clients only read it again',
    direct: { python: 'the result: it tries again by itself', js: 'the result: it tries again by itself' },
  },
  slow: {
    scenario: {
      description: 'Every attempt is held back for 3 seconds.',
      rules: [{ fault: { kind: 'delay', seconds: 3 } }],
    },
    queue: 'IN_PROGRESS for longer; start timeouts do not strike, request_timeout may',
    direct: { python: 'the result, 3 seconds later', js: 'the result, 3 seconds later' },
  },
  crash: {
    scenario: {
      description: 'The runner is killed under its first request.',
      rules: [{ fault: { kind: 'kill-runner' }, count: 1 }],
    },
    queue: 'nothing: the attempt is made again, on a fresh runner',
    direct: { python: '503 runner_disconnected', js: 'the result: it tries again by itself' },
  },
  oom: {
    scenario: {
      description: 'The runner runs out of memory under its first request.',
      rules: [{ fault: { kind: 'oom' }, count: 1 }],
    },
    queue: 'nothing: the attempt is made again, on a fresh runner; `run` says that memory ran out',
    direct: { python: '503 runner_disconnected', js: 'the result: it tries again by itself' },
  },
  drop: {
    scenario: {
      description: 'The connection to the runner breaks in the middle of the first answer.',
      rules: [{ fault: { kind: 'drop', at: 'answer' }, count: 1 }],
    },
    queue: 'nothing: the attempt is made again',
    direct: {
      python: 'the result: the connection broke in the answer, and it calls again by itself',
      js: 'the result: the connection broke in the answer, and it calls again by itself',
    },
  },
  'gpu-lost': {
    scenario: {
      description: 'CUDA fails under the first request.',
      rules: [{ fault: { kind: 'gpu-lost' }, count: 1 }],
    },
    queue: 'nothing: 503 ends the runner, the attempt is made again on a fresh one',
    direct: { python: '503 with the words of CUDA', js: 'the result: it tries again by itself' },
  },
  'slow-start': {
    scenario: {
      description: 'Every runner needs 5 seconds more to start.',
      rules: [{ fault: { kind: 'slow-start', seconds: 5 } }],
    },
    queue: 'IN_QUEUE for longer; a start timeout may strike: 504 with x-fal-request-timeout-type',
    direct: { python: 'the result, once a runner is up', js: 'the result, once a runner is up' },
  },
};
