import * as z from 'zod/mini';
import { SerializedErrorSchema } from './control.ts';
import { AccountSchema } from './remote.ts';

/** One thing that was looked at before a deployment. */
export const DeployCheckSchema = z.object({
  check: z.string(),
  state: z.enum(['ok', 'warning', 'error', 'skipped']),
  /** One line: what was found. */
  message: z.string(),
  hint: z.exactOptional(z.string()),
  /** Long text that belongs to it: a traceback, a resolver's words. */
  detail: z.exactOptional(z.string()),
  /** Where in the source, counted from 1. */
  line: z.exactOptional(z.number()),
});
export type DeployCheck = z.infer<typeof DeployCheckSchema>;

/** One line of what a deployment changes. */
export const DeployChangeSchema = z.object({
  what: z.string(),
  /** Null: nothing is deployed. */
  now: z.nullable(z.string()),
  after: z.string(),
  changes: z.boolean(),
  /** Why the code's value is not what comes. */
  note: z.exactOptional(z.string()),
});
export type DeployChange = z.infer<typeof DeployChangeSchema>;

/** What `windtunnel deploy --json` prints; null for what was not come to. */
export const DeploymentSchema = z.object({
  ok: z.boolean(),
  /** `owner/alias` */
  app: z.nullable(z.string()),
  account: z.nullable(AccountSchema),
  checks: z.array(DeployCheckSchema),
  changes: z.nullable(z.array(DeployChangeSchema)),
  /** File by file, where the deployed code is known here. */
  code: z.nullable(z.array(z.string())),
  /** The text of the app's own file as it is deployed, where that is known here. */
  deployedText: z.nullable(z.string()),
  revision: z.nullable(z.string()),
  url: z.nullable(z.string()),
  error: z.nullable(SerializedErrorSchema),
});
export type Deployment = z.infer<typeof DeploymentSchema>;

/** One request's end at one side of a comparison. */
const SideSchema = z.object({
  app: z.string(),
  host: z.string(),
  request: z.nullable(z.string()),
  status: z.number(),
  body: z.unknown(),
  logs: z.array(z.string()),
  /** s */
  queued: z.nullable(z.number()),
  ran: z.nullable(z.number()),
  seconds: z.number(),
});

/** What `windtunnel compare --json` prints, as far as the editor shows it. */
export const ComparisonSchema = z.object({
  /** Status and output are the same; files by what they hold, and not by their URLs. */
  equal: z.boolean(),
  output: z.array(z.object({ path: z.string() })),
  local: SideSchema,
  remote: SideSchema,
});
export type ComparisonSide = z.infer<typeof SideSchema>;
export type ComparisonAnswer = z.infer<typeof ComparisonSchema>;
