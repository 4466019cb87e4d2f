import * as z from 'zod/mini';
import type { ControlClient } from '../../../emulator/client/control-client.ts';
import { openRealtime } from '../../../emulator/client/realtime.ts';
import { sseData } from '../../../emulator/client/sse.ts';
import {
  type AppId,
  type FormSchema,
  LogLineSchema,
  type PlaygroundRun,
  type RunLogLine,
} from '../../../emulator/contract/index.ts';
import { decodeRealtime, encodeRealtime } from '../../core/playground/realtime-message.ts';
import { facts, linesOf, logLine } from '../../core/playground/recorded-run.ts';

const SubmittedSchema = z.object({ request_id: z.string() });
const QueueStatusSchema = z.object({
  status: z.enum(['IN_QUEUE', 'IN_PROGRESS', 'COMPLETED']),
  queue_position: z.optional(z.nullable(z.number())),
  logs: z.optional(z.nullable(z.array(LogLineSchema))),
});

/** Where a request goes, and who hears of it. */
export interface Sending {
  url: string;
  app: AppId;
  path: string;
  form: FormSchema | null;
  /** A key, where the emulator asks for one. */
  headers: Record<string, string>;
  client: ControlClient;
  signal: AbortSignal;
  change(change: Partial<PlaygroundRun>): void;
  log(lines: RunLogLine[]): void;
  event(value: unknown): void;
  /** Log lines of a request past the queue come by the emulator's events, under this id. */
  claim(request: string): void;
}

const below = (path: string): string => (path === '/' ? '' : path);

/** Through the queue, as an official client's `subscribe`. */
export async function sendQueued(to: Sending, input: string): Promise<void> {
  const submit = await post(to, `/queue/${to.app}${below(to.path)}`, input);
  if (!submit.ok) return finish(to, submit);
  const { request_id: request } = SubmittedSchema.parse(await submit.json());
  to.change({ request, state: 'IN_QUEUE' });
  await followQueued(to, request);
}

/** States, logs and result of a request that is queued already. */
export async function followQueued(to: Sending, request: string): Promise<void> {
  const base = `${to.url}/queue/${to.app}/requests/${request}`;
  const { headers, signal } = to;
  const status = await fetch(`${base}/status/stream?logs=1`, { headers, signal });
  if (!status.ok || !status.body) return finish(to, status);
  for await (const data of sseData(status.body)) {
    const change = QueueStatusSchema.parse(JSON.parse(data));
    if (change.logs?.length) to.log(change.logs.map(logLine));
    if (change.status === 'COMPLETED') break;
    to.change({ state: change.status, position: change.queue_position ?? null });
  }
  const result = await fetch(base, { headers, signal });
  const story = await to.client.request(request);
  // The record has every line, also what came with the result.
  to.change({ ...facts(story), logs: linesOf(story), position: null });
  await finish(to, result);
}

export async function cancelQueued({ url, app, headers }: Sending, request: string): Promise<void> {
  await fetch(`${url}/queue/${app}/requests/${request}/cancel`, { method: 'PUT', headers });
}

/** Past the queue: the answer of the app itself. */
export async function sendDirect(to: Sending, input: string): Promise<void> {
  to.change({ state: 'IN_PROGRESS' });
  await finish(to, await post(to, `/run/${to.app}${below(to.path)}`, input));
}

/** The events of a streaming endpoint, as they come; the last one is the output. */
export async function sendStream(to: Sending, input: string): Promise<void> {
  to.change({ state: 'IN_PROGRESS' });
  const response = await post(to, `/run/${to.app}${below(to.path)}`, input, { accept: 'text/event-stream' });
  const isEvents = response.headers.get('content-type')?.startsWith('text/event-stream') ?? false;
  if (!response.ok || !isEvents || !response.body) return finish(to, response);
  claim(to, response);
  let output: unknown;
  for await (const data of sseData(response.body)) {
    output = parsed(data);
    to.event(output);
  }
  to.change({ state: 'COMPLETED', status: response.status, output });
}

/** One message over a realtime connection, and the first that answers it. */
export async function sendRealtime(to: Sending, input: string): Promise<void> {
  to.change({ state: 'IN_PROGRESS' });
  await new Promise<void>((resolve, reject) => {
    const open = openRealtime(
      `${to.url}/run/${to.app}${to.path}`,
      to.headers,
      {
        message: (frame) => {
          const value = typeof frame === 'string' ? parsed(frame) : decodeRealtime(frame);
          to.event(value);
          // fal's own protocol says in text what went wrong and how it stands; the answer is a frame of bytes.
          const failed = typeof frame === 'string' && isError(value);
          if (typeof frame === 'string' && !failed) return;
          to.change({ state: failed ? 'failed' : 'COMPLETED', output: value });
          void open.then((connection) => connection.close(), reject);
          resolve();
        },
        closed: (code, reason) => {
          to.change({ error: reason || null });
          reject(new Error(`The connection was closed with ${code}${reason && `: ${reason}`}`));
        },
      },
      to.signal,
    );
    open.then(({ request, send }) => {
      to.change({ request });
      if (request) to.claim(request);
      send(encodeRealtime(JSON.parse(input), to.form));
    }, reject);
  });
}

const isError = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  ('error' in value || ('type' in value && value.type === 'x-fal-error'));

function post(to: Sending, path: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${to.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...to.headers, ...headers },
    body,
    signal: to.signal,
  });
}

function claim(to: Sending, response: Response): void {
  const request = response.headers.get('x-fal-request-id');
  if (!request) return;
  to.change({ request });
  to.claim(request);
}

async function finish(to: Sending, response: Response): Promise<void> {
  claim(to, response);
  const type = response.headers.get('content-type') ?? '';
  const isText = /^(?:text\/|application\/(?:json|.*\+json|xml))/.test(type) || type === '';
  const output = isText
    ? parsed(await response.text())
    : `data:${type.replace(/\s/g, '')};base64,${Buffer.from(await response.arrayBuffer()).toString('base64')}`;
  const errorType = response.headers.get('x-fal-error-type');
  to.change({
    state: 'COMPLETED',
    status: response.status,
    output,
    ...(response.ok ? {} : { error: `The answer was ${response.status}${errorType ? ` (${errorType})` : ''}.` }),
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}
