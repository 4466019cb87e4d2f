import * as z from 'zod/mini';
import { AppSettingsSchema } from '../../contract/index.ts';

export const AuthModeSchema = z.enum(['PRIVATE', 'PUBLIC', 'SHARED']);
export type AuthMode = z.infer<typeof AuthModeSchema>;

const nullable = <T extends z.core.SomeType>(schema: T) => z._default(z.nullable(schema), null);

/** What a runner of the revision executes. Blobs are named by their SHA-256. */
export const CallableSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('pickle'), blob: z.string() }),
  z.object({ kind: z.literal('entrypoint'), entrypoint: z.string() }),
  /** No Python of fal's: the image's own command. */
  z.object({ kind: z.literal('image') }),
]);
export type Callable = z.infer<typeof CallableSchema>;

/** One deployed state of an app's code; never changed after it was written. */
export const RevisionSchema = z.object({
  id: z.string(),
  /** Full alias that it was deployed as, `name` or `name--environment`. */
  alias: z.string(),
  environment: z.string(),
  /** ms since the epoch. */
  createdAt: z.number(),
  callable: CallableSchema,
  /** As the code asks for it, scaling included. */
  settings: AppSettingsSchema,
  /** Its server is fal's own, which answers where we say; else it binds `settings.exposedPort` itself. */
  servedBySdk: z.boolean(),
  files: z.array(z.object({ hash: z.string(), path: z.string() })),
  metadata: z.record(z.string(), z.unknown()),
  sourceCode: nullable(z.string()),
  privateLogs: z.boolean(),
});
export type Revision = z.infer<typeof RevisionSchema>;

/** What an alias keeps when new code is deployed to it (the SDK's `--reset-scale` takes it from the code instead). */
export const ScaleSchema = z.object({
  keepAlive: nullable(z.number()),
  minConcurrency: nullable(z.number()),
  maxConcurrency: nullable(z.number()),
  concurrencyBuffer: nullable(z.number()),
  concurrencyBufferPerc: nullable(z.number()),
  scalingDelay: nullable(z.number()),
  requestTimeout: nullable(z.number()),
  requestStartTimeout: nullable(z.number()),
  regions: nullable(z.array(z.string())),
  /** Set by `fal apps scale` alone: new code brings its own. */
  machineTypes: nullable(z.array(z.string())),
  maxMultiplexing: nullable(z.number()),
  startupTimeout: nullable(z.number()),
});
export type Scale = z.infer<typeof ScaleSchema>;

export const AliasSchema = z.object({
  alias: z.string(),
  environment: z.string(),
  revision: z.string(),
  authMode: AuthModeSchema,
  scale: ScaleSchema,
});
export type Alias = z.infer<typeof AliasSchema>;

export const EnvironmentSchema = z.object({
  name: z.string(),
  description: nullable(z.string()),
  createdAt: z.number(),
});
export type Environment = z.infer<typeof EnvironmentSchema>;
