import * as z from 'zod/mini';

/** Who the user is at fal, and where that is. */
export const AccountSchema = z.object({
  profile: z.nullable(z.string()),
  team: z.nullable(z.string()),
  /** Whence the key comes; never the key. */
  key: z.enum(['FAL_KEY', 'FAL_KEY_ID', 'profile', 'login']),
  host: z.string(),
  runHost: z.string(),
  config: z.string(),
});
export type Account = z.infer<typeof AccountSchema>;

/** What an account at fal holds: what `windtunnel remote --json` prints. */
export const HoldingsSchema = z.object({
  account: AccountSchema,
  user: z.string(),
  apps: z.array(
    z.object({
      alias: z.string(),
      revision: z.string(),
      auth: z.string(),
      machines: z.array(z.string()),
      /** Newest first, the one that serves among them. */
      revisions: z.array(z.object({ id: z.string(), createdAt: z.string() })),
      runners: z.array(z.object({ id: z.string(), state: z.string(), machine: z.string(), inFlight: z.number() })),
    }),
  ),
  /** Names only. */
  secrets: z.array(z.string()),
});
export type Holdings = z.infer<typeof HoldingsSchema>;
