import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Pool } from 'undici';

/** A connection to a runner could not be made; told apart from one that broke. */
export class RunnerConnectError extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = 'RunnerConnectError';
  }
}

/** Origin of every runner: it is never resolved, the link leads there. */
export const RUNNER_ORIGIN = 'http://runner';

/**
 * HTTP over streams that `connect` opens, one request at a time on each. No timeouts of its own: request_timeout is the
 * core's, and an app may compute for an hour before its first byte.
 */
export function createRunnerPool(connect: () => Promise<Duplex>): Pool {
  return new Pool(RUNNER_ORIGIN, {
    pipelining: 1,
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: (_options, callback) => {
      // `callback` must not be called before this function has returned, or undici waits for ever; a promise never does.
      // undici uses no more of a socket than a Duplex has.
      connect().then(
        (stream) => callback(null, stream as Socket),
        (error: unknown) => callback(new RunnerConnectError(error), null),
      );
    },
  });
}
