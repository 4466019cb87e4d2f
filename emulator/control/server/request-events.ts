import type { EmulatorEvent, RequestRecord } from '../../contract/index.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import { mergeLogs } from '../../fleet/request-records.ts';
import { PushQueue } from './push-queue.ts';

/** The story of a request so far; with `follow` also what is to come, to its result. */
export async function* requestEvents(
  { records, queue }: Pick<Fleet, 'records' | 'queue'>,
  record: RequestRecord,
  follow: boolean,
  signal: AbortSignal,
): AsyncGenerator<EmulatorEvent> {
  if (!follow || record.state === 'COMPLETED') {
    yield* (await records.document(record)).events;
    return;
  }
  yield* await records.begin(record);
  const changes = new PushQueue<Parameters<Parameters<typeof queue.watch>[1]>[0]>(signal);
  const subscription = queue.watch(record.id, (change) => {
    changes.push(change);
    if (change.record.state === 'COMPLETED') changes.end();
  });
  let seen = 0;
  try {
    for await (const { logs } of changes) {
      const told = await records.told(record.id, seen);
      seen += told.length;
      yield* mergeLogs(record, told, logs);
    }
    // Nothing, where the caller went away before it was complete.
    yield* await records.end(record);
  } finally {
    await subscription.dispose();
  }
}
