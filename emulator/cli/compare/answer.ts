import * as z from 'zod/mini';

const FileSchema = z.union([z.object({ sha256: z.string(), bytes: z.number() }), z.object({ error: z.string() })]);
export type FileContent = z.infer<typeof FileSchema>;

/** One request's end at one side, seen by a client of its queue. */
export const AnswerSchema = z.object({
  app: z.string(),
  host: z.string(),
  /** The queue did not take it: `status` and `body` are its answer. */
  refused: z.boolean(),
  request: z._default(z.nullable(z.string()), null),
  status: z.number(),
  body: z.unknown(),
  logs: z.array(z.string()),
  /** URL in the result → what it holds. */
  files: z._default(z.record(z.string(), FileSchema), {}),
  /** Seconds from the submission until it left the queue. */
  queued: z._default(z.nullable(z.number()), null),
  /** Seconds in the runner, as the queue says. */
  ran: z._default(z.nullable(z.number()), null),
  /** Seconds from the submission to the result. */
  seconds: z.number(),
});
export type Answer = z.infer<typeof AnswerSchema>;
