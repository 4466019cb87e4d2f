import * as z from 'zod/mini';
import type { EmulatorEvent } from './events.ts';

/** Seconds of a runner's start by what they went to. */
export interface ColdStart {
  /** The environment or image: found, built or pulled. */
  image: number;
  /** From the start of the process or container to that of the app's import. */
  boot: number;
  import: number;
  /** setup(), and what the server needed until it answered. */
  setup: number;
}

/** An input or output as it is recorded: whole up to LIMITS.recordBodyBytes, else only its size. */
export interface RecordedBody {
  contentType: string | null;
  bytes: number;
  content:
    | { kind: 'json'; value: unknown }
    | { kind: 'text'; text: string }
    | { kind: 'base64'; data: string }
    | { kind: 'omitted'; reason: string };
}

/** One queued request in short. Times in ms since the epoch. */
export const RequestSummarySchema = z.object({
  id: z.string(),
  app: z.string(),
  /** Below the app, with query. */
  path: z.string(),
  method: z.string(),
  state: z.enum(['IN_QUEUE', 'IN_PROGRESS', 'COMPLETED']),
  attempts: z.number(),
  /** Of the last attempt. */
  runner: z.nullable(z.string()),
  createdAt: z.number(),
  /** Of the last attempt. */
  startedAt: z.nullable(z.number()),
  completedAt: z.nullable(z.number()),
  /** HTTP status of the result. */
  status: z.nullable(z.number()),
  error: z.nullable(z.string()),
  errorType: z.nullable(z.string()),
  inputBytes: z.number(),
  resultBytes: z.nullable(z.number()),
});
export type RequestSummary = z.infer<typeof RequestSummarySchema>;

export const RequestListSchema = z.object({ requests: z.array(RequestSummarySchema) });

/** What `replay` asks for; without `edit` the input as it was. */
export const ReplayRequestSchema = z.object({
  /** A JSON merge patch (RFC 7396) of the input. */
  edit: z.exactOptional(z.object({ patch: z.unknown() })),
});

export const ReplayAnswerSchema = z.object({
  /** The whole id of the original. */
  id: z.string(),
  replay: RequestSummarySchema,
});
export type ReplayAnswer = z.infer<typeof ReplayAnswerSchema>;

/** The whole story of a request, as `windtunnel logs REQUEST --export` prints it. */
export const RequestDocumentSchema = z.object({
  /** Of this format. */
  version: z.literal(1),
  request: RequestSummarySchema,
  /** Oldest first; each is one of `EmulatorEvent`. */
  events: z.array(z.custom<EmulatorEvent>((value) => typeof value === 'object' && value !== null && 'type' in value)),
});
export type RequestDocument = z.infer<typeof RequestDocumentSchema>;
