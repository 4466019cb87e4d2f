import { statSync } from 'node:fs';
import Docker from 'dockerode';
import * as z from 'zod/mini';
import { type ErrorCode, WindtunnelError } from '../../contract/index.ts';
import type { Clock } from '../../core/clock.ts';
import { type DaemonAddress, type DaemonCandidate, type DaemonEnvironment, daemonPlaces } from './daemon-candidates.ts';
import { type DaemonFacts, readFacts } from './daemon-facts.ts';
import { dialJson } from './dial.ts';

/** All probes together end within this (ms): a person waits for the answer. */
const PROBE_MS = 1_800;
/** A daemon that is there may take its time (ms) to tell of itself: Podman asks other programs for their versions. */
const FACTS_MS = 10_000;

export interface FoundDaemon {
  docker: Docker;
  candidate: DaemonCandidate;
  facts: DaemonFacts;
}

export interface DaemonSearch extends DaemonEnvironment {
  clock: Clock;
  /** Path of the docker CLI, null where it is not installed; only for the words of the error. */
  cli: string | null;
}

type Attempt = DaemonCandidate & { code: string; reason: string };

/** The daemon that the docker CLI would use. Rejects with E_DOCKER_*, which names each place tried and why it failed. */
export async function findDaemon(search: DaemonSearch, signal?: AbortSignal): Promise<FoundDaemon> {
  const { candidates, named } = daemonPlaces(search);
  const attempts = await Promise.all(candidates.map((candidate) => probe(candidate, search, signal)));
  signal?.throwIfAborted();
  const found = attempts.find((attempt) => 'facts' in attempt);
  if (found) return found;
  throw searchError(
    attempts.filter((attempt) => 'reason' in attempt),
    named,
    search,
  );
}

/** A client of the Engine API that takes nothing from the environment: DOCKER_HOST would win over the path given. */
export function dockerClient(address: DaemonAddress): Docker {
  if (address.kind === 'socket') {
    return new Docker({ socketPath: address.path, host: undefined, port: undefined, protocol: undefined });
  }
  const { host, port, tls } = address;
  return new Docker({ host, port, socketPath: undefined, protocol: tls ? 'https' : 'http', ...tls });
}

async function probe(
  candidate: DaemonCandidate,
  { clock }: DaemonSearch,
  signal?: AbortSignal,
): Promise<FoundDaemon | Attempt> {
  const { address } = candidate;
  if (!address) return { ...candidate, code: 'UNUSABLE', reason: candidate.problem ?? 'it cannot be used' };
  try {
    // For what a connection does not tell apart: a folder that may not be entered.
    if (address.kind === 'socket') statSync(address.path);
    const docker = dockerClient(address);
    await ping(docker, clock, PROBE_MS, signal);
    return { docker, candidate, facts: await askFacts(docker, address, clock, signal) };
  } catch (error) {
    if (error instanceof NoAnswer) return { ...candidate, code: 'TIMEOUT', reason: error.message };
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'OTHER';
    return { ...candidate, code, reason: wordsFor(code, error) };
  }
}

class NoAnswer extends Error {}

/** Resolves when the daemon answers, whatever; rejects when it does not within these ms. */
export function ping(docker: Docker, clock: Clock, ms: number, signal?: AbortSignal): Promise<unknown> {
  return within(ms, clock, signal, (limit) =>
    dialJson(docker, { path: '/_ping', schema: z.unknown(), signal: limit, missing: null }),
  );
}

/** What a daemon that answers says of itself. */
export function askFacts(
  docker: Docker,
  address: DaemonAddress,
  clock: Clock,
  signal?: AbortSignal,
): Promise<DaemonFacts> {
  return within(FACTS_MS, clock, signal, (limit) => readFacts(docker, address, limit));
}

/** Rejects with NoAnswer after these ms. */
async function within<T>(
  ms: number,
  clock: Clock,
  signal: AbortSignal | undefined,
  ask: (limit: AbortSignal) => Promise<T>,
): Promise<T> {
  const limit = new AbortController();
  const timer = clock.setTimeout(() => limit.abort(), ms);
  try {
    return await ask(signal ? AbortSignal.any([signal, limit.signal]) : limit.signal);
  } catch (error) {
    if (limit.signal.aborted) throw new NoAnswer(`no answer within ${ms / 1000} s`);
    throw error;
  } finally {
    timer.cancel();
  }
}

function wordsFor(code: string, error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const words: Record<string, string> = {
    ENOENT: 'there is no such socket',
    ECONNREFUSED: 'the socket is there, and no daemon listens on it',
    EACCES: 'permission denied',
    EPERM: 'permission denied',
    ENOTFOUND: 'the host is not known',
    ECONNRESET: 'the connection was closed at once',
  };
  return words[code] ?? text;
}

function searchError(attempts: readonly Attempt[], named: boolean, { cli, uid }: DaemonSearch): WindtunnelError {
  const detail = attempts.map(({ source, url, reason }) => `${source}: ${url}: ${reason}`).join('\n');
  const make = (code: ErrorCode, message: string, hint: string, actions: readonly string[] = []) =>
    new WindtunnelError(code, message, { hint, actions, detail });
  const denied = attempts.find(({ code }) => code === 'EACCES' || code === 'EPERM');
  const first = attempts[0];
  if (denied) {
    return make(
      'E_DOCKER_PERMISSION',
      `The Docker daemon at ${denied.url} may not be used by this user (uid ${uid}).`,
      'Add yourself to its group and log in anew: `sudo usermod -aG docker $USER`. Its members can become root.',
      ['sudo usermod -aG docker $USER'],
    );
  }
  if (named && first) {
    const message = `Docker is not reached by ${first.source} (${first.url}): ${first.reason}.`;
    const other = first.source === 'DOCKER_HOST' ? 'unset DOCKER_HOST' : 'docker context use default';
    return make('E_DOCKER_CONTEXT', message, first.fix ?? `Start that daemon, or use another: \`${other}\`.`, [other]);
  }
  const present = attempts.find(({ code }) => code !== 'ENOENT');
  if (present) {
    return make(
      'E_DOCKER_DOWN',
      `The Docker daemon at ${present.url} does not answer: ${present.reason}.`,
      'Start it: Docker Desktop or Colima by itself, on Linux `sudo systemctl start docker`.',
      ['sudo systemctl start docker'],
    );
  }
  if (cli !== null) {
    return make(
      'E_DOCKER_DOWN',
      `Docker is installed (${cli}), and no daemon runs: none of ${attempts.length} usual sockets is there.`,
      'Start it: Docker Desktop or `colima start`, on Linux `sudo systemctl start docker`.',
      ['sudo systemctl start docker'],
    );
  }
  return make(
    'E_DOCKER_MISSING',
    'Docker is not installed: there is neither its command nor a socket of its daemon.',
    'Install Docker (https://docs.docker.com/engine/install/), or run the app with `--engine process`.',
    ['--engine process'],
  );
}
