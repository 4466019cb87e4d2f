import { type LogLine, WindtunnelError } from '../../contract/index.ts';
import type { KnownRunner } from '../runners/runner-book.ts';
import type { RestParts } from './admin-rest.ts';
import { type RestRoute, sendJson } from './route.ts';

/** A comment now and then, so that neither side takes a quiet stream for a dead one. */
const KEEP_ALIVE_MS = 15_000;

/** `fal runners logs`: what a runner said, and goes on saying. */
export function logRoutes(parts: RestParts): RestRoute[] {
  const { runners, bus, clock } = parts;
  return [
    {
      method: 'GET',
      pattern: /^\/runners\/([^/]+)\/?$/,
      handle: ({ res }, id = '') => {
        const { startedAt, endedAt } = mustKnow(id, parts);
        const ended = endedAt === null ? null : new Date(endedAt).toISOString();
        sendJson(res, { id, started_at: new Date(startedAt).toISOString(), ended_at: ended });
      },
    },
    {
      method: 'POST',
      pattern: /^\/logs\/history\/?$/,
      handle: ({ req, res, query }) => {
        req.resume();
        // Newest first, as the CLI turns it round. All of it is one page: a runner's log is bounded.
        sendJson(res, { items: select(query, parts).map(toItem).reverse(), next_until: null });
      },
    },
    {
      method: 'GET',
      pattern: /^\/logs\/?$/,
      handle: ({ res, query }) => {
        const wanted = query.get('traceback') === 'true' ? isTraceback : () => true;
        sendJson(res, select(query, parts).filter(wanted).map(toItem));
      },
    },
    {
      method: 'POST',
      pattern: /^\/logs\/stream\/?$/,
      handle: ({ req, res, query }) => {
        req.resume();
        const id = query.get('job_id');
        const search = query.get('search');
        const before = select(query, parts);
        res.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
        const send = (line: LogLine) => void res.write(`data: ${JSON.stringify(toItem(line))}\n\n`);
        for (const line of before) send(line);
        const ended = () => id !== null && runners.get(id)?.endedAt !== null;
        if (ended()) {
          res.end();
          return;
        }
        const subscription = bus.on((event) => {
          if (event.type === 'log' && (id === null || event.runner === id) && matches(event.line, search))
            send(event.line);
          if (event.type === 'runner.exit' && event.runner === id) res.end();
        });
        const timer = clock.setInterval(() => res.write(': still here\n\n'), KEEP_ALIVE_MS);
        res.once('close', () => {
          subscription.dispose();
          timer.cancel();
        });
      },
    },
  ];
}

function select(query: URLSearchParams, parts: RestParts): LogLine[] {
  const id = query.get('job_id');
  const lines = id === null ? parts.runners.all().flatMap((runner) => runner.lines) : mustKnow(id, parts).lines;
  const since = time(query.get('since'), Number.NEGATIVE_INFINITY);
  const until = time(query.get('until'), Number.POSITIVE_INFINITY);
  const search = query.get('search');
  return lines.filter((line) => {
    const at = Date.parse(line.timestamp);
    return at >= since && at <= until && matches(line, search);
  });
}

function time(text: string | null, otherwise: number): number {
  if (text === null || text === '') return otherwise;
  // The CLI sends times of UTC that do not say so (fal/cli/runners.py, _to_iso_naive).
  const at = Date.parse(/(Z|[+-]\d\d:?\d\d)$/i.test(text) ? text : `${text}Z`);
  if (Number.isNaN(at)) throw new WindtunnelError('E_BAD_REQUEST', `Not a time: ${JSON.stringify(text)}`);
  return at;
}

const matches = (line: LogLine, search: string | null): boolean => search === null || line.message.includes(search);

/** What the SDK prints of an error that the app did not answer itself: one JSON object (app.py). */
const isTraceback = (line: LogLine): boolean =>
  line.message.startsWith('{"traceback"') || line.message.startsWith('Traceback');

const toItem = ({ timestamp, level, message, source, labels }: LogLine) => ({
  timestamp,
  level,
  message,
  source,
  labels,
});

function mustKnow(id: string, { runners }: RestParts): KnownRunner {
  const known = runners.get(id);
  if (known) return known;
  throw new WindtunnelError('E_UNKNOWN_RUNNER', `Runner ${id} not found`);
}
