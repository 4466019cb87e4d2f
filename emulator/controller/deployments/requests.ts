import * as z from 'zod/mini';
import { StructSchema } from '../protocol/struct.ts';

// The messages of the controller that carry code, as protobufjs decodes them: absent fields are missing, enums are names.

const int = z.optional(z.number());
const strings = z._default(z.array(z.string()), []);
const bytes = z.custom<Buffer>((value) => Buffer.isBuffer(value));

export const SerializedObjectSchema = z.object({
  method: z._default(z.string(), ''),
  definition: z._default(bytes, Buffer.alloc(0)),
  was_it_raised: z._default(z.boolean(), false),
});
export type SerializedObject = z.infer<typeof SerializedObjectSchema>;

export const EnvironmentDefinitionSchema = z.object({
  kind: z._default(z.string(), ''),
  configuration: z._default(StructSchema, {}),
  force: z._default(z.boolean(), false),
});
export type EnvironmentDefinition = z.infer<typeof EnvironmentDefinitionSchema>;

export const FileSchema = z.object({ hash: z.string(), relative_path: z.string() });

export const MachineRequirementsSchema = z.object({
  machine_type: z.optional(z.string()),
  machine_types: strings,
  num_gpus: int,
  keep_alive: int,
  exposed_port: int,
  metrics_port: int,
  max_multiplexing: int,
  max_concurrency: int,
  min_concurrency: int,
  concurrency_buffer: int,
  concurrency_buffer_perc: int,
  scaling_delay_seconds: int,
  request_timeout: int,
  request_start_timeout: int,
  startup_timeout: int,
  valid_regions: strings,
});
export type MachineRequirements = z.infer<typeof MachineRequirementsSchema>;

export const HealthCheckConfigSchema = z.object({
  path: z._default(z.string(), ''),
  start_period_seconds: int,
  timeout_seconds: int,
  failure_threshold: int,
  call_regularly: z.optional(z.boolean()),
  allow_on_busy: z.optional(z.boolean()),
  method: z._default(z.enum(['GET', 'POST']), 'GET'),
});

const SecretsSchema = z.optional(z.object({ names: strings }));
const AuthModeSchema = z.optional(z.enum(['PRIVATE', 'PUBLIC', 'SHARED']));

/** What BuildEnvironment, Run and RegisterApplication have in common. */
const common = {
  environments: z._default(z.array(EnvironmentDefinitionSchema), []),
  machine_requirements: z.optional(MachineRequirementsSchema),
  files: z._default(z.array(FileSchema), []),
  environment_name: z.optional(z.string()),
  application_name: z.optional(z.string()),
  secrets: SecretsSchema,
};

export const BuildRequestSchema = z.object(common);
export type BuildRequest = z.infer<typeof BuildRequestSchema>;

/** What Run and RegisterApplication have in common. */
const callable = {
  ...common,
  function: z.optional(SerializedObjectSchema),
  entrypoint: z.optional(z.string()),
  setup_func: z.optional(SerializedObjectSchema),
  auth_mode: AuthModeSchema,
  data_mounts: strings,
  health_check_config: z.optional(HealthCheckConfigSchema),
};

export const RunRequestSchema = z.object(callable);
export type RunRequest = z.infer<typeof RunRequestSchema>;

export const RegisterRequestSchema = z.object({
  ...callable,
  metadata: z._default(StructSchema, {}),
  deployment_strategy: z._default(z.enum(['RECREATE', 'ROLLING']), 'RECREATE'),
  scale: z._default(z.boolean(), false),
  private_logs: z._default(z.boolean(), false),
  source_code: z.optional(z.string()),
  skip_retry_conditions: z._default(
    z.array(z.enum(['TIMEOUT', 'CLIENT_ERROR', 'SERVER_ERROR', 'CONNECTION_ERROR'])),
    [],
  ),
  termination_grace_period_seconds: int,
  retry_config: z.optional(z.string()),
  attach_to_deployment: z.optional(z.boolean()),
});
export type RegisterRequest = z.infer<typeof RegisterRequestSchema>;
