import * as z from 'zod/mini';
import type { AppId } from './app.ts';

/** What passes between the playground's page and the extension, both ways by postMessage. Neither has another way out. */

/** Where an app describes itself: asked for by the playground, and no request that anybody sent. */
export const DESCRIPTION_PATH = '/openapi.json';

/** How a request goes: through the queue, past it, as server-sent events, or over a WebSocket. */
export const SendModeSchema = z.enum(['queue', 'direct', 'stream', 'realtime']);
export type SendMode = z.infer<typeof SendModeSchema>;

export const ClientLanguageSchema = z.enum(['curl', 'python', 'javascript']);
export type ClientLanguage = z.infer<typeof ClientLanguageSchema>;

/** JSON Schema of a form, with all that it refers to under `definitions`. */
export type FormSchema = Record<string, unknown>;

/** What the schema says of one property that a form library does not know by itself. */
export interface FieldHint {
  /** Names of the properties from the input down; `*` is any item of an array. */
  at: string[];
  kind: 'image' | 'video' | 'audio' | 'file' | 'long-text' | 'hidden';
  /** Limits of a file, for people. */
  limits: string[];
  /** Of a file; null: none stated. */
  maxBytes: number | null;
}

export interface PlaygroundEndpoint {
  path: string;
  title: string;
  description: string;
  modes: SendMode[];
  /** Null: the endpoint takes no JSON that its OpenAPI describes. */
  form: FormSchema | null;
  hints: FieldHint[];
  /** The last input, as JSON text; null before the first. */
  lastInput: string | null;
}

export interface HistoryEntry {
  /** Of a run of this window, or of a recorded request. */
  id: string;
  request: string | null;
  path: string;
  mode: SendMode;
  /** ms since the epoch. */
  at: number;
  state: RunState;
  status: number | null;
  seconds: number | null;
}

export type RunState = 'sending' | 'IN_QUEUE' | 'IN_PROGRESS' | 'COMPLETED' | 'failed' | 'cancelled';

export interface RunLogLine {
  /** ms since the epoch. */
  at: number;
  level: 'debug' | 'info' | 'warn' | 'error';
  text: string;
}

/** One request with all there is to know of it. */
export interface PlaygroundRun {
  id: string;
  request: string | null;
  path: string;
  mode: SendMode;
  at: number;
  state: RunState;
  /** How many are before it, while it waits. */
  position: number | null;
  attempts: number;
  runner: string | null;
  status: number | null;
  seconds: number | null;
  /** What the time went to, in seconds, in order. */
  timings: { label: string; seconds: number }[];
  logs: RunLogLine[];
  input: unknown;
  /** Events of a stream, messages of a realtime connection, in order. */
  events: unknown[];
  /** The answer; undefined until then. */
  output?: unknown;
  error: string | null;
  /** Media of the answer that the page may show: their bytes come by `media`. */
  media: MediaItem[];
}

export interface MediaItem {
  /** As the answer names it. */
  url: string;
  kind: 'image' | 'video' | 'audio' | 'file';
  name: string;
  contentType: string;
  bytes: number | null;
  /** Why its bytes do not come; null: they do. */
  withheld: string | null;
}

export interface PlaygroundState {
  /** By which the panel finds its app again after the window was reloaded. */
  target: { file: string; symbol: string };
  /** `step`: how far its start is, in one line. */
  app: { id: AppId | null; label: string; state: 'stopped' | 'starting' | 'running'; step: string | null };
  /** Why there is no form; null: there is. */
  problem: string | null;
  endpoints: PlaygroundEndpoint[];
  selected: string;
  history: HistoryEntry[];
}

/** To the page. */
export type ToPlayground =
  | { type: 'state'; state: PlaygroundState }
  /** `show`: it becomes the one that is looked at. */
  | { type: 'run'; run: PlaygroundRun; show: boolean }
  | { type: 'media'; url: string; contentType: string; bytes: Uint8Array }
  | { type: 'uploaded'; upload: string; url: string; name: string }
  | { type: 'uploadFailed'; upload: string; message: string }
  /** Puts an input into the form. */
  | { type: 'fill'; path: string; input: string };

/** To the extension. */
export const FromPlaygroundSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('startApp') }),
  z.object({ type: z.literal('showAppLogs') }),
  z.object({ type: z.literal('select'), path: z.string() }),
  /** `input` is JSON text, valid or not: it is kept as typed. */
  z.object({ type: z.literal('remember'), path: z.string(), input: z.string() }),
  z.object({ type: z.literal('send'), path: z.string(), mode: SendModeSchema, input: z.string() }),
  z.object({ type: z.literal('cancel'), run: z.string() }),
  z.object({ type: z.literal('show'), run: z.string() }),
  z.object({ type: z.literal('replay'), run: z.string() }),
  z.object({ type: z.literal('edit'), run: z.string() }),
  z.object({
    type: z.literal('upload'),
    upload: z.string(),
    name: z.string(),
    contentType: z.string(),
    bytes: z.instanceof(Uint8Array),
  }),
  z.object({ type: z.literal('copyCode'), language: ClientLanguageSchema, path: z.string(), input: z.string() }),
  z.object({ type: z.literal('copyText'), text: z.string() }),
  z.object({ type: z.literal('saveMedia'), url: z.string() }),
]);
export type FromPlayground = z.infer<typeof FromPlaygroundSchema>;
