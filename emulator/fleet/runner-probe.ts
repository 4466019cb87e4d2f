import type { Duplex } from 'node:stream';
import { RUNNER_PROBE_MARK, RUNNER_SECRET_HEADER } from '../contract/index.ts';
import type { Clock } from '../core/clock.ts';
import { createRunnerPool, RUNNER_ORIGIN } from './runner-pool.ts';

const PROBE_TIMEOUT_MS = 5000;
/** The harness answers 503 when an endpoint has ended the process' event loop. */
const SERVES = 204;

/** What a probe needs of a runner. */
export interface Probed {
  readonly secret: string;
  /** Our harness stands before the app. Not so for a server that binds its own port: it can only be connected to. */
  readonly harnessed: boolean;
  connect(): Promise<Duplex>;
}

/**
 * Whether a runner still takes requests. That a connection can be made says little: a process on its way out (`sys.exit` in an
 * endpoint) keeps its socket for a while, and what the kernel accepts for it is lost. So the harness is asked, which answers
 * in the app's event loop and never troubles the app. A runner that takes the connection and is silent is busy, not dead.
 */
export async function probeRunner(runner: Probed, clock: Clock): Promise<boolean> {
  const late = new AbortController();
  const timer = clock.setTimeout(() => late.abort(), PROBE_TIMEOUT_MS);
  let connected = false;
  const connect = async () => {
    const stream = await runner.connect();
    connected = true;
    return stream;
  };
  try {
    await (runner.harnessed ? ask(connect, runner.secret, late.signal) : touch(connect, late.signal));
    return true;
  } catch {
    return connected && late.signal.aborted;
  } finally {
    timer.cancel();
  }
}

/** On a connection of its own: one of the pool's may have been closed a moment ago by either side. */
async function ask(connect: () => Promise<Duplex>, secret: string, signal: AbortSignal): Promise<void> {
  const pool = createRunnerPool(connect);
  try {
    const headers = [RUNNER_SECRET_HEADER, secret + RUNNER_PROBE_MARK];
    const { statusCode, body } = await pool.request({
      origin: RUNNER_ORIGIN,
      method: 'GET',
      path: '/',
      headers,
      signal,
    });
    await body.dump();
    if (statusCode !== SERVES) throw new Error(`The runner answered ${statusCode} to the question whether it serves.`);
  } finally {
    await pool.destroy();
  }
}

function touch(connect: () => Promise<Duplex>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason));
    connect().then((stream) => {
      stream.destroy();
      resolve();
    }, reject);
  });
}
