import type { Dispatcher } from 'undici';
import type { HeaderList } from '../contract/index.ts';
import type { Clock } from '../core/clock.ts';
import type { EffectiveHealthCheck } from '../core/effective-settings.ts';
import { RUNNER_ORIGIN } from './runner-pool.ts';

/** Calls an app's own health check. '' for a healthy runner, else what is wrong; never rejects. */
export async function checkHealth(
  { method, path, timeout: seconds }: EffectiveHealthCheck,
  headers: HeaderList,
  dispatcher: Dispatcher,
  clock: Clock,
): Promise<string> {
  const what = `${method} ${path}`;
  const timeout = new AbortController();
  const timer = clock.setTimeout(() => timeout.abort(), seconds * 1000);
  try {
    const { signal } = timeout;
    const response = await dispatcher.request({ origin: RUNNER_ORIGIN, method, path, headers: headers.flat(), signal });
    await response.body.dump();
    return response.statusCode < 300 ? '' : `${what} answered ${response.statusCode}`;
  } catch (error) {
    if (timeout.signal.aborted) return `${what} did not answer within ${seconds} s`;
    return `${what} failed: ${error instanceof Error ? error.message : String(error)}`;
  } finally {
    timer.cancel();
  }
}
