import { createHash } from 'node:crypto';
import * as z from 'zod/mini';
import type { Clock } from '../../core/clock.ts';
import type { Answer, FileContent } from './answer.ts';

const SubmittedSchema = z.object({ request_id: z.string() });
const StatusSchema = z.object({
  status: z.string(),
  logs: z.optional(z.nullable(z.array(z.object({ message: z.string() })))),
  metrics: z.optional(z.object({ inference_time: z.optional(z.nullable(z.number())) })),
});

const POLL_MS = 250;
/** As on the other side (remote_request.py). */
const LARGEST_FILE = 64 * 1024 * 1024;

export interface LocalCall {
  /** `http://127.0.0.1:PORT` */
  url: string;
  app: string;
  path: string;
  /** JSON text. */
  input: string;
  authorization: Record<string, string>;
  signal: AbortSignal;
  clock: Clock;
  onProgress(text: string): void;
}

/** One request through the queue here, seen as the other side is. */
export async function localRequest(call: LocalCall): Promise<Answer> {
  const { url, app, path, input, authorization: headers, signal, clock } = call;
  const began = clock.monotonic();
  const since = (start: number): number => (clock.monotonic() - start) / 1000;
  const submitted = await fetch(`${url}/queue/${app}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: input,
    signal,
  });
  const known = { app, host: url };
  if (!submitted.ok) {
    const { status } = submitted;
    const nothing = { request: null, logs: [], files: {}, queued: null, ran: null, seconds: since(began) };
    return { ...known, ...nothing, refused: true, status, body: parsed(await submitted.text()) };
  }
  const { request_id } = SubmittedSchema.parse(await submitted.json());
  call.onProgress(`request ${request_id}`);
  const base = `${url}/queue/${app}/requests/${request_id}`;
  let [queued, seen]: [number | null, string] = [null, ''];
  for (;;) {
    const status = StatusSchema.parse(await (await fetch(`${base}/status?logs=1`, { headers, signal })).json());
    if (status.status !== seen) call.onProgress(status.status);
    seen = status.status;
    if (seen !== 'IN_QUEUE') queued ??= since(began);
    if (seen === 'COMPLETED') {
      const result = await fetch(base, { headers, signal });
      const body = parsed(await result.text());
      const seconds = since(began);
      const files = await contents(fileUrls(body, url), headers, signal);
      const logs = (status.logs ?? []).map(({ message }) => message);
      const ran = status.metrics?.inference_time ?? null;
      return {
        ...known,
        refused: false,
        request: request_id,
        status: result.status,
        body,
        logs,
        files,
        queued,
        ran,
        seconds,
      };
    }
    await clock.sleep(POLL_MS, signal);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

function fileUrls(value: unknown, url: string): string[] {
  if (typeof value === 'string') {
    const isFile = value.startsWith(`${url}/files/`) || /^https:\/\/v3b?\.fal\.media\/files\//.test(value);
    return isFile ? [value] : [];
  }
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap((item) => fileUrls(item, url));
}

async function contents(urls: readonly string[], headers: Record<string, string>, signal: AbortSignal) {
  const found: Record<string, FileContent> = {};
  for (const url of urls) {
    const answer = await fetch(url, { headers, signal });
    const length = Number(answer.headers.get('content-length') ?? 0);
    if (!answer.ok) found[url] = { error: `the answer was ${answer.status}` };
    else if (length > LARGEST_FILE) found[url] = { error: `larger than ${LARGEST_FILE} bytes` };
    else {
      const bytes = Buffer.from(await answer.arrayBuffer());
      found[url] = { sha256: createHash('sha256').update(bytes).digest('hex'), bytes: bytes.byteLength };
    }
    if (!answer.bodyUsed) await answer.body?.cancel();
  }
  return found;
}
