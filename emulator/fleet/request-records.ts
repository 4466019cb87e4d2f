import { readFile } from 'node:fs/promises';
import {
  type EmulatorEvent,
  LIMITS,
  type LogLine,
  type RecordedBody,
  type RequestDocument,
  type RequestRecord,
  type RequestSummary,
  WindtunnelError,
} from '../contract/index.ts';
import type { StoredBody } from '../store/store.ts';
import type { Queue, Records } from './fleet.ts';
import type { FleetContext } from './options.ts';
import { replay } from './replay.ts';

type StateEvent = Extract<EmulatorEvent, { type: 'request.state' }>;

/** What is told of a request as it happens; its first and last step stand in its record. */
const TOLD: ReadonlySet<EmulatorEvent['type']> = new Set([
  'request.cold_start',
  'request.cancel',
  'request.replay',
  'fault',
  'webhook',
]);

const NOT_STORED = 'The caller asked that nothing of it is stored (X-Fal-Store-IO: 0).';

/** The stories of queued requests, from their submit to the last call of their webhook. */
export class RequestRecords implements Records {
  private readonly context: FleetContext;
  private readonly queue: () => Queue;

  constructor(context: FleetContext, queue: () => Queue) {
    this.context = context;
    this.queue = queue;
    // From the bus, so that what is kept is what everybody saw: without secrets.
    context.bus.on((event) => {
      if (!('request' in event) || event.request === null || !isTold(event)) return;
      context.store.appendStory(event.request, event);
    });
  }

  /** The newest first; of one app where one is named. */
  list(limit: number, app?: string): RequestSummary[] {
    const all = [...this.context.store.records()].filter((record) => app === undefined || record.app === app);
    return all.slice(-limit).reverse().map(summaryOf);
  }

  /** The request of an id, or of the beginning of one, of eight characters or more. Throws E_USAGE where several begin so. */
  find(id: string): RequestRecord | undefined {
    const { store } = this.context;
    const exact = store.get(id);
    if (exact || id.length < 8) return exact;
    const [first, second] = [...store.records()].filter((record) => record.id.startsWith(id));
    if (second) throw new WindtunnelError('E_USAGE', `Several requests begin with ${id}; write more of its id.`);
    return first && store.get(first.id);
  }

  async document(record: RequestRecord): Promise<RequestDocument> {
    const { store } = this.context;
    const [begin, told, lines, end] = await Promise.all([
      this.begin(record),
      this.told(record.id, 0),
      store.logs(record.id),
      this.end(record),
    ]);
    const after = record.completedAt ?? Number.POSITIVE_INFINITY;
    const story = [...begin, ...told.filter(({ at }) => at <= after), ...end, ...told.filter(({ at }) => at > after)];
    return { version: 1, request: summaryOf(record), events: mergeLogs(record, story, lines) };
  }

  replay(record: RequestRecord, edit?: { patch: unknown }): Promise<RequestRecord> {
    return replay(this.context, this.queue(), record, edit);
  }

  /** Its submit and its input. */
  async begin(record: RequestRecord): Promise<EmulatorEvent[]> {
    const { id, app, path, createdAt: at } = record;
    const rest = { attempt: 0, runner: null, status: null, seconds: null, reason: '' };
    return [
      { at, type: 'request.state', app, request: id, state: 'IN_QUEUE', path, ...rest },
      { at, type: 'request.body', app, request: id, which: 'input', body: await this.input(record) },
    ];
  }

  /** What happened since, from the `from`-th event on. */
  async told(id: string, from: number): Promise<EmulatorEvent[]> {
    return (await this.context.store.story(id)).slice(from);
  }

  /** Its result; nothing while it is not complete. */
  async end(record: RequestRecord): Promise<EmulatorEvent[]> {
    const { id, app, path, outcome, attempt, runnerId: runner, startedAt, completedAt: at } = record;
    if (outcome === null || at === null) return [];
    const seconds = startedAt === null ? null : (at - startedAt) / 1000;
    const rest = { attempt, runner, status: outcome.status, seconds, reason: outcome.error ?? '' };
    const type = outcome.headers.find(([name]) => name === 'content-type')?.[1] ?? null;
    const body = record.storeIo
      ? await this.recorded(type, outcome.resultBytes, () => this.context.store.result(id))
      : omitted(type, outcome.resultBytes, NOT_STORED);
    return [
      { at, type: 'request.state', app, request: id, state: 'COMPLETED', path, ...rest },
      { at, type: 'request.body', app, request: id, which: 'output', body },
    ];
  }

  private input(record: RequestRecord): Promise<RecordedBody> {
    const { id, inputBytes, storeIo, headers } = record;
    const type = headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1] ?? null;
    if (!storeIo) return Promise.resolve(omitted(type, inputBytes, NOT_STORED));
    return this.recorded(type, inputBytes, () => this.context.store.input(id));
  }

  private async recorded(
    contentType: string | null,
    bytes: number,
    read: () => Promise<StoredBody | null>,
  ): Promise<RecordedBody> {
    if (bytes > LIMITS.recordBodyBytes) {
      return omitted(contentType, bytes, `It is larger than ${LIMITS.recordBodyBytes} bytes.`);
    }
    const body = await read();
    if (body === null) return omitted(contentType, bytes, 'It has expired.');
    const raw = body.kind === 'file' ? await readFile(body.path) : Buffer.from(body.bytes);
    return { contentType, bytes, content: contentOf(raw, this.context.redact) };
  }
}

export function summaryOf(record: RequestRecord): RequestSummary {
  const { id, app, path, method, state, attempt, runnerId, createdAt, startedAt, completedAt, outcome } = record;
  return {
    id,
    app,
    path,
    method,
    state,
    attempts: attempt,
    runner: runnerId,
    createdAt,
    startedAt,
    completedAt,
    status: outcome?.status ?? null,
    error: outcome?.error ?? null,
    errorType: outcome?.errorType ?? null,
    inputBytes: record.inputBytes,
    resultBytes: outcome?.resultBytes ?? null,
  };
}

function isTold(event: EmulatorEvent): boolean {
  if (event.type !== 'request.state') return TOLD.has(event.type);
  return event.state !== 'COMPLETED' && event.attempt > 0;
}

function omitted(contentType: string | null, bytes: number, reason: string): RecordedBody {
  return { contentType, bytes, content: { kind: 'omitted', reason } };
}

function contentOf(raw: Buffer, redact: (text: string) => string): RecordedBody['content'] {
  const text = raw.toString('utf8');
  if (!Buffer.from(text).equals(raw)) return { kind: 'base64', data: raw.toString('base64') };
  const clean = redact(text);
  try {
    return { kind: 'json', value: JSON.parse(clean) };
  } catch (error) {
    if (error instanceof SyntaxError) return { kind: 'text', text: clean };
    throw error;
  }
}

/** Puts log lines where they were printed: at their time, each with the runner of the attempt then under way. */
export function mergeLogs(
  record: RequestRecord,
  story: readonly EmulatorEvent[],
  lines: readonly LogLine[],
): EmulatorEvent[] {
  const merged: EmulatorEvent[] = [];
  let runner: string | null = null;
  let next = 0;
  const take = (until: number) => {
    for (let line = lines[next]; line && Date.parse(line.timestamp) < until; line = lines[++next]) {
      merged.push({ at: Date.parse(line.timestamp), type: 'log', app: record.app, runner, request: record.id, line });
    }
  };
  for (const event of story) {
    const isEnd = isState(event) && event.state === 'COMPLETED';
    // A clock of the runner's own may be ahead: no line stands after the end, or before the start.
    take(isEnd ? Number.POSITIVE_INFINITY : event.at);
    if (isState(event)) runner = event.runner;
    merged.push(event);
  }
  take(Number.POSITIVE_INFINITY);
  return merged;
}

const isState = (event: EmulatorEvent): event is StateEvent => event.type === 'request.state';
