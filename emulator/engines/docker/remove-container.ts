import type Docker from 'dockerode';
import type { Clock } from '../../core/clock.ts';
import { statusOf } from './dial.ts';

/** A daemon kills for up to 10 s before it says that it cannot; one that says nothing for so long (ms) hangs. */
const REMOVE_MS = 12_000;

/**
 * Ends a container and removes it with its volumes. False where the daemon does not answer in time: it may do it later.
 * Rejects with dockerode's error, or that of the connection.
 */
export async function removeContainer(container: Docker.Container, clock: Clock): Promise<boolean> {
  const limit = new AbortController();
  const timer = clock.setTimeout(() => limit.abort(), REMOVE_MS);
  try {
    await container.remove({ force: true, v: true, abortSignal: limit.signal });
    return true;
  } catch (error) {
    if (limit.signal.aborted) return false;
    // It is gone, or its removal is under way.
    if (statusOf(error) === 404 || statusOf(error) === 409) return true;
    throw error;
  } finally {
    timer.cancel();
  }
}
