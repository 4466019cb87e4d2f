import { type EmulatorEvent, type LogEntry, WindtunnelError } from '../../contract/index.ts';
import type { EventBus } from '../../core/event-bus.ts';
import type { Fleet } from '../../fleet/fleet.ts';
import { PushQueue } from './push-queue.ts';

interface Sources {
  fleet: Pick<Fleet, 'apps' | 'queue'>;
  events: EventBus;
}

/**
 * Log lines of an app, a request, a runner or of everything, oldest first; with `follow` also those to come. A request's are
 * complete and end with it; others start with the recent ones. Throws E_UNKNOWN_APP for a name that means nothing here.
 */
export function logEntries(
  sources: Sources,
  query: { of: string | null; follow: boolean },
  signal: AbortSignal,
): AsyncGenerator<LogEntry> {
  const { of, follow } = query;
  if (of !== null && sources.fleet.queue.get(of)) return requestLogs(sources, of, follow, signal);
  return eventLogs(sources, meaning(sources, of), follow, signal);
}

type Wanted = (entry: LogEntry) => boolean;

function meaning({ fleet, events }: Sources, of: string | null): Wanted {
  if (of === null) return () => true;
  const apps = fleet.apps.list();
  const app = apps.find(({ id }) => id === of || id.split('/')[1] === of);
  if (app) return (entry) => entry.app === app.id;
  // A direct call leaves no record: it is known by its lines alone. So is a runner that is gone.
  const seen = events.recent().some((event) => 'runner' in event && (event.runner === of || requestOf(event) === of));
  if (seen || apps.some(({ runners }) => runners.some(({ id }) => id === of))) {
    return (entry) => entry.runner === of || entry.request === of;
  }
  throw new WindtunnelError('E_UNKNOWN_APP', `No app, request or runner here is named ${of}.`, {
    hint: 'See `windtunnel ps` for what runs.',
  });
}

const requestOf = (event: EmulatorEvent): string | null => ('request' in event ? event.request : null);

async function* eventLogs(
  { events }: Sources,
  wanted: Wanted,
  follow: boolean,
  signal: AbortSignal,
): AsyncGenerator<LogEntry> {
  const queue = new PushQueue<LogEntry>(signal);
  const take = (event: EmulatorEvent) => {
    if (event.type !== 'log') return;
    const { app, runner, request, line } = event;
    const entry = { app, runner, request, line };
    if (wanted(entry)) queue.push(entry);
  };
  for (const event of events.recent()) take(event);
  if (!follow) queue.end();
  const subscription = follow ? events.on(take) : null;
  try {
    yield* queue;
  } finally {
    await subscription?.dispose();
  }
}

async function* requestLogs(
  { fleet }: Sources,
  id: string,
  follow: boolean,
  signal: AbortSignal,
): AsyncGenerator<LogEntry> {
  const record = fleet.queue.get(id);
  if (!record) return;
  const entry = (line: LogEntry['line']): LogEntry => ({ app: record.app, runner: record.runnerId, request: id, line });
  if (!follow) {
    for (const line of await fleet.queue.logs(id)) yield entry(line);
    return;
  }
  const queue = new PushQueue<LogEntry>(signal);
  const subscription = fleet.queue.watch(id, (change) => {
    for (const line of change.logs) queue.push(entry(line));
    if (change.record.state === 'COMPLETED') queue.end();
  });
  try {
    yield* queue;
  } finally {
    await subscription.dispose();
  }
}
