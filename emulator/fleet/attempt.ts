import { createReadStream } from 'node:fs';
import { open, rm } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { type Dispatcher, errors } from 'undici';
import { type HeaderList, LIMITS } from '../contract/index.ts';
import type { AttemptEnd, AttemptFailure } from '../core/retry-policy.ts';
import type { StoredBody } from '../store/store.ts';
import { controlHeaders } from './runner-headers.ts';
import { RUNNER_ORIGIN, RunnerConnectError } from './runner-pool.ts';

/** A runner's whole answer to one attempt, as it came. */
export interface RunnerAnswer {
  status: number;
  headers: HeaderList;
  body: StoredBody;
}

export interface AttemptReport {
  end: AttemptEnd;
  hints: string[] | null;
  checkHealth: boolean;
  answer: RunnerAnswer | null;
}

export interface AttemptRequest {
  dispatcher: Dispatcher;
  method: string;
  path: string;
  headers: HeaderList;
  body: StoredBody;
  signal: AbortSignal;
  /** Where an answer too large for memory goes. */
  newBodyFile: () => string;
  onSent: () => void;
}

/** Sends one attempt and takes in the whole answer. Never rejects: what goes wrong is the report. */
export async function sendAttempt(request: AttemptRequest): Promise<AttemptReport> {
  let headed = false;
  try {
    const pending = request.dispatcher.request({
      origin: RUNNER_ORIGIN,
      method: request.method as Dispatcher.HttpMethod,
      path: request.path,
      headers: [...request.headers, ...lengthOf(request)].flat(),
      body: bodyOf(request),
      signal: request.signal,
      responseHeaders: 'raw',
    });
    request.onSent();
    const response = await pending;
    headed = true;
    const headers = pairs(response.headers);
    const body = await collect(response.body, request.newBodyFile);
    if (body === 'too large') return oversized();
    const { needsRetry, stopRunner, checkHealth, hints } = controlHeaders(headers);
    const status = response.statusCode;
    const end: AttemptEnd = { kind: 'answer', status, needsRetry, stopRunner };
    return { end, hints, checkHealth, answer: { status, headers, body } };
  } catch (error) {
    return failure(error, headed);
  }
}

function bodyOf({ body, method }: AttemptRequest): Uint8Array | Readable | null {
  if (body.kind === 'file') return createReadStream(body.path);
  return body.bytes.byteLength === 0 && method === 'GET' ? null : body.bytes;
}

// A file is sent as a stream, whose length undici cannot know; without it the app would get chunks.
function lengthOf({ body }: AttemptRequest): HeaderList {
  return body.kind === 'file' ? [['content-length', String(body.size)]] : [];
}

/** undici types raw headers as an object; with `responseHeaders: 'raw'` they are a flat list. */
export function pairs(raw: unknown): HeaderList {
  const flat = raw as string[];
  const headers: HeaderList = [];
  for (let i = 0; i + 1 < flat.length; i += 2) headers.push([flat[i]!.toLowerCase(), flat[i + 1]!]);
  return headers;
}

async function collect(body: Readable, newBodyFile: () => string): Promise<StoredBody | 'too large'> {
  const chunks: Buffer[] = [];
  let size = 0;
  const iterator = body[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
    chunks.push(next.value);
    size += next.value.byteLength;
    if (size > LIMITS.inlineBodyBytes) return spill(chunks, size, iterator, newBodyFile());
  }
  return { kind: 'bytes', bytes: chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size) };
}

/** The rest goes to a file; the store syncs it before it commits. */
async function spill(
  head: Buffer[],
  headSize: number,
  rest: AsyncIterator<Buffer>,
  path: string,
): Promise<StoredBody | 'too large'> {
  let size = headSize;
  const file = await open(path, 'wx', 0o600);
  let kept = false;
  try {
    await file.writev(head);
    for (let next = await rest.next(); !next.done; next = await rest.next()) {
      size += next.value.byteLength;
      if (size > LIMITS.resultBytes) {
        await rest.return?.();
        return 'too large';
      }
      await file.writeFile(next.value);
    }
    kept = true;
    return { kind: 'file', path, size };
  } finally {
    await file.close();
    if (!kept) await rm(path, { force: true });
  }
}

function oversized(): AttemptReport {
  const detail = `The result is larger than ${LIMITS.resultBytes} bytes, the limit of this emulator.`;
  return failed('internal_error', detail);
}

/** An attempt to which no answer came that could be used. */
export function failed(error: AttemptFailure, detail: string): AttemptReport {
  return { end: { kind: 'failure', error, detail }, hints: null, checkHealth: false, answer: null };
}

// Callers read these in the status and the result; a socket's own words ("other side closed") would tell them nothing.
const WORDS: Partial<Record<AttemptFailure, string>> = {
  runner_disconnected: 'The runner ended while it worked on the request; `windtunnel logs` has its last words.',
  runner_incomplete_response: 'The runner broke off its answer; `windtunnel logs` has its last words.',
  runner_connection_refused: 'The runner does not listen.',
  runner_connection_timeout: 'The runner did not take the connection in time.',
};

function failure(thrown: unknown, headed: boolean): AttemptReport {
  const error = failureType(thrown, headed);
  const detail = WORDS[error] ?? (thrown instanceof Error ? thrown.message : String(thrown));
  return failed(error, detail);
}

const BROKEN = new Set(['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED']);

function failureType(thrown: unknown, headed: boolean): AttemptFailure {
  if (thrown instanceof RunnerConnectError) {
    const code = codeOf(thrown.cause);
    if (code === 'ECONNREFUSED' || code === 'ENOENT') return 'runner_connection_refused';
    return code === 'ETIMEDOUT' ? 'runner_connection_timeout' : 'runner_connection_error';
  }
  const broken = thrown instanceof errors.SocketError || BROKEN.has(codeOf(thrown) ?? '');
  if (broken) return headed ? 'runner_incomplete_response' : 'runner_disconnected';
  // A response that is no HTTP, or ends short of its content-length.
  const garbled =
    thrown instanceof errors.HTTPParserError || thrown instanceof errors.ResponseContentLengthMismatchError;
  return garbled ? 'runner_incomplete_response' : 'internal_error';
}

function codeOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error)) return undefined;
  const code: unknown = Reflect.get(thrown, 'code');
  return typeof code === 'string' ? code : undefined;
}
