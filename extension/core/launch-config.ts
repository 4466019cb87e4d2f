import * as z from 'zod/mini';

/** A folder or file here, and where the runner's Python has it. */
export const PathMappingSchema = z.object({ localRoot: z.string(), remoteRoot: z.string() });

/** What a launch configuration of type `windtunnel` may say; the JSON schema in the manifest is made from this. */
export const LaunchConfigSchema = z.object({
  type: z.literal('windtunnel'),
  request: z.enum(['launch', 'attach']),
  name: z.string(),
  file: z.string().check(z.minLength(1), z.describe('%debug.attribute.file%')),
  symbol: z.optional(z.string().check(z.describe('%debug.attribute.symbol%'))),
  engine: z.optional(z.enum(['auto', 'process', 'docker']).check(z.describe('%debug.attribute.engine%'))),
  pathMappings: z.optional(z.array(PathMappingSchema).check(z.describe('%debug.attribute.pathMappings%'))),
  justMyCode: z.optional(z.boolean().check(z.describe('%debug.attribute.justMyCode%'))),
});
export type LaunchConfig = z.infer<typeof LaunchConfigSchema>;

/** Attributes that stand in the manifest, by request; the editor brings `type`, `request` and `name` itself. */
export function configurationAttributes(): Record<LaunchConfig['request'], object> {
  const { properties = {} } = z.toJSONSchema(LaunchConfigSchema) as { properties?: Record<string, object> };
  const { type: _type, request: _request, name: _name, ...own } = properties;
  const attributes = { required: ['file'], properties: own };
  return { launch: attributes, attach: attributes };
}

/** One clear line on the first thing that is wrong; null for a sound configuration. */
export function launchProblem(config: unknown): string | null {
  const parsed = z.safeParse(LaunchConfigSchema, config);
  if (parsed.success) return null;
  const issue = parsed.error.issues[0];
  return `${issue?.path.map(String).join('.') || 'configuration'}: ${issue?.message ?? 'invalid'}`;
}
