import { once } from 'node:events';
import type { ServerResponse } from 'node:http';

/** Sends values as server-sent events until they end or the caller goes away; waits for a slow reader. */
export async function eventStream(
  values: AsyncIterable<unknown>,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.flushHeaders();
  for await (const value of values) {
    if (signal.aborted) return;
    if (response.write(`data: ${JSON.stringify(value)}\n\n`)) continue;
    try {
      await once(response, 'drain', { signal });
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
  }
  response.end();
}
