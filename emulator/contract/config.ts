import * as z from 'zod/mini';
import { PlatformSchema } from './platform.ts';

/** `windtunnel.jsonc` in the workspace. Unknown keys are errors, so that a typing slip is not ignored. */
export const ConfigSchema = z.strictObject({
  $schema: z.optional(z.string()),
  port: z.optional(
    z.int().check(z.minimum(1), z.maximum(65535), z.describe('Public port. Without it: 8799, or a free one if taken.')),
  ),
  engine: z.optional(
    z.enum(['auto', 'process', 'docker']).check(z.describe('Engine of `run` where the command names none.')),
  ),
  docker: z.optional(
    z.strictObject({
      network: z.optional(
        z
          .string()
          .check(
            z.describe(
              'Network of the containers: the name of one that is there, or `none`. Without it: one of their own, from which they reach the internet and not each other.',
            ),
          ),
      ),
      baseImage: z.optional(
        z
          .string()
          .check(
            z.describe(
              'Image that apps with `requirements` start from; it needs Python with venv. Default: python:X.Y-slim.',
            ),
          ),
      ),
    }),
  ),
  python: z.optional(
    z.string().check(z.describe('Python interpreter for the apps: absolute, or relative to this file.')),
  ),
  owner: z.optional(
    z
      .string()
      .check(
        z.regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/),
        z.describe("Owner of the apps here. Without it: your fal profile's, or `local`."),
      ),
  ),
  origins: z.optional(
    z
      .array(z.string())
      .check(z.describe('Web origins besides loopback that may call the public port, e.g. https://app.test.')),
  ),
  requireKey: z.optional(
    z
      .boolean()
      .check(
        z.describe(
          'Whether every call of the public port needs a key of this emulator, as on a machine with other users. Files stay readable to whoever has their URL. Default: false.',
        ),
      ),
  ),
  envFiles: z.optional(
    z
      .array(z.string())
      .check(z.describe('Files with environment variables, relative to this file; later ones win. Default: [".env"].')),
  ),
  webhooks: z.optional(
    z.strictObject({
      retrySeconds: z.optional(
        z
          .array(z.number().check(z.positive()))
          .check(
            z.describe(
              'Waits before the second and each later call of a webhook that was not acknowledged, in seconds; as many calls are made more. Default: [1, 2, 5, 10, 20, 30, 60, 60, 60, 60].',
            ),
          ),
      ),
    }),
  ),
  gpus: z.optional(
    z.strictObject({
      devices: z.optional(
        z
          .array(
            z.strictObject({
              id: z.string().check(z.describe('What a runner is given: a UUID, an index or a CDI name.')),
              name: z.optional(z.string()),
              memoryGB: z.optional(z.number().check(z.positive())),
            }),
          )
          .check(z.describe('GPUs that runners may have, in place of those that are found. [] hides them all.')),
      ),
      runnersPerGpu: z.optional(
        z
          .int()
          .check(
            z.minimum(1),
            z.describe("Runners that share one GPU. Default: 1, as in production, where a runner's GPUs are its own."),
          ),
      ),
      memory: z.optional(
        z
          .enum(['required', 'ignored'])
          .check(
            z.describe(
              'Whether a GPU must have the memory of the card that machine_type names. Default: required; an app that fits none is refused.',
            ),
          ),
      ),
    }),
  ),
  platform: z.optional(PlatformSchema),
  watch: z.optional(
    z.strictObject({
      ignore: z.optional(z.array(z.string()).check(z.describe('Globs of files whose change reloads nothing.'))),
    }),
  ),
});
export type Config = z.infer<typeof ConfigSchema>;
