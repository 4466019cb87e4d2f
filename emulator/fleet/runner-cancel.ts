import type { Dispatcher } from 'undici';
import type { HeaderList } from '../contract/index.ts';
import { type RunnerCall, runnerHeaders } from './runner-headers.ts';
import { RUNNER_ORIGIN } from './runner-pool.ts';

/**
 * Tells an app that a request it works on is cancelled: POST `<path>/cancel` with the same request id (docs:
 * development/handle-cancellations). An app without that route answers 404, and the request goes on.
 */
export async function cancelOnRunner(dispatcher: Dispatcher, call: RunnerCall, caller: HeaderList): Promise<void> {
  const path = `${(call.path.split('?', 1)[0] ?? '').replace(/\/+$/, '')}/cancel`;
  const bodiless = caller.filter(([name]) => !name.toLowerCase().startsWith('content-'));
  const response = await dispatcher.request({
    origin: RUNNER_ORIGIN,
    method: 'POST',
    path,
    headers: runnerHeaders({ ...call, path }, bodiless).flat(),
  });
  await response.body.dump();
}
