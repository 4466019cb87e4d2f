import * as z from 'zod/mini';

/** Where a workspace keeps its saved requests, for all who work in it. */
export const REQUEST_FOLDER = '.windtunnel/requests';

/** A saved request: `.windtunnel/requests/NAME.json`. */
export const SavedRequestSchema = z.strictObject({
  $schema: z.optional(z.string()),
  description: z.optional(z.string()),
  app: z.string().check(z.regex(/^[^/\s]+(\/[^/\s]+)?$/), z.describe('OWNER/APP; a bare app name means local/APP.')),
  path: z.optional(z.string().check(z.regex(/^\//), z.describe('Below the app, e.g. "/train". Default: "/".'))),
  by: z.optional(z.enum(['queue', 'direct', 'stream']).check(z.describe('How it is sent. Default: queue.'))),
  input: z.unknown().check(z.describe('The JSON that is sent. No secrets: the app takes them from its environment.')),
});
export type SavedRequest = z.infer<typeof SavedRequestSchema>;
