import type { LogLine, RequestRecord } from '../../contract/index.ts';
import type { Clock } from '../../core/clock.ts';
import type { Disposable } from '../../core/disposable.ts';
import type { Queue } from '../../fleet/fleet.ts';
import type { Exchange } from '../exchange.ts';
import type { RequestUrls } from './request-path.ts';
import { statusBody } from './status.ts';

/** fal's interval of comment lines (docs, "status stream"). */
const PING_MS = 15_000;

/**
 * Streams each change of a request as `data: <status>` until it is COMPLETED. Logs are increments here, not the whole list.
 * A client that reads slowly gets the newest status with all lines since its last one.
 */
export function streamStatus(
  exchange: Exchange,
  queue: Queue,
  clock: Clock,
  record: RequestRecord,
  urls: RequestUrls,
  withLogs: boolean,
): void {
  const { res } = exchange;
  res.writeHead(200, {
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache',
    'x-fal-request-id': record.id,
  });
  res.flushHeaders();
  let waiting: LogLine[] = [];
  let dirty = false;
  let blocked = false;
  let ended = false;
  let watch: Disposable | undefined;

  const flush = (): void => {
    if (blocked || ended || !dirty) return;
    dirty = false;
    const logs = withLogs ? waiting : null;
    // A queued status has no logs: lines of an attempt that is retried go out with the next status that has.
    if (record.state !== 'IN_QUEUE') waiting = [];
    const position = record.state === 'IN_QUEUE' ? queue.position(record) : 0;
    blocked = !res.write(`data: ${JSON.stringify(statusBody(record, urls, position, logs))}\n\n`);
    if (record.state === 'COMPLETED') finish();
  };
  const ping = clock.setInterval(() => {
    if (!blocked) blocked = !res.write(': ping\n\n');
  }, PING_MS);
  const finish = (): void => {
    if (ended) return;
    ended = true;
    ping.cancel();
    void watch?.dispose();
    res.end();
  };
  res.on('drain', () => {
    blocked = false;
    flush();
  });
  res.on('close', finish);
  watch = queue.watch(record.id, (change) => {
    if (withLogs) waiting.push(...change.logs);
    dirty = true;
    flush();
  });
  // The first call comes before `watch` returns, and may have been the last.
  if (ended) void watch.dispose();
}
