import * as z from 'zod/mini';

/** Machine types of fal, smallest first. Source: fal docs, deployment/machine-types; the cards under GPU-A100 stand on the prices page. */
export const MACHINE_TYPE_NAMES = [
  'XS',
  'S',
  'M',
  'L',
  'XL',
  'GPU',
  'GPU-A100',
  'GPU-L40',
  'GPU-H100',
  'GPU-RTXPRO6000',
  'GPU-H200',
  'GPU-B200',
  'GPU-A6000',
  'GPU-RTX4090',
  'GPU-RTX5090',
  'GPU-B300',
] as const;
export type MachineTypeName = (typeof MACHINE_TYPE_NAMES)[number];

/** Conditions under which fal retries a queued request; an app opts out by naming them. */
export const RetryConditionSchema = z.enum(['timeout', 'server_error', 'connection_error']);
export type RetryCondition = z.infer<typeof RetryConditionSchema>;

const nullable = <T extends z.core.SomeType>(s: T) => z._default(z.nullable(s), null);

/**
 * A health check of the app's own. Durations in seconds; null = not set by the author.
 * Source: fal SDK 1.83 `HealthCheck` and `ApplicationHealthCheckConfig`; `allow_on_busy` stands in fal's protocol alone.
 */
export const HealthCheckSchema = z.object({
  path: z.string(),
  /** An app's endpoint is probed by POST unless it says otherwise, a server of one's own by GET. */
  method: z._default(z.enum(['GET', 'POST']), 'POST'),
  startPeriodSeconds: nullable(z.number()),
  timeoutSeconds: nullable(z.number()),
  failureThreshold: nullable(z.number()),
  callRegularly: nullable(z.boolean()),
  allowOnBusy: nullable(z.boolean()),
});
export type HealthCheck = z.infer<typeof HealthCheckSchema>;

/**
 * Settings of one app as the SDK knows them. Durations in seconds. Null = not set by the author: the platform's default
 * applies (see `effectiveSettings` in core). Names are fal's attribute names in camelCase.
 * Source: fal SDK 1.83 `fal.App` class attributes, `SERVER_DEFAULT_SCALE_VALUES`.
 */
export const AppSettingsSchema = z.object({
  appName: nullable(z.string()),
  appAuth: nullable(z.enum(['private', 'public', 'shared'])),
  /** Tried in order. */
  machineTypes: z._default(z.array(z.string()), ['S']),
  numGpus: nullable(z.number()),
  kind: z._default(z.enum(['virtualenv', 'container', 'conda']), 'virtualenv'),
  pythonVersion: nullable(z.string()),
  /** Layers, each installed in one step, in order. A plain list is one layer. */
  requirements: z._default(z.array(z.array(z.string())), []),
  requirementsContextDir: nullable(z.string()),
  /** ContainerImage fields as the SDK names them (dockerfile_str, build_args, …). */
  image: nullable(z.record(z.string(), z.unknown())),
  localPythonModules: z._default(z.array(z.string()), []),
  appFiles: z._default(z.array(z.string()), []),
  appFilesIgnore: nullable(z.array(z.string())),
  appFilesContextDir: nullable(z.string()),
  exposedPort: nullable(z.number()),
  metricsPort: nullable(z.number()),
  keepAlive: nullable(z.number()),
  minConcurrency: nullable(z.number()),
  maxConcurrency: nullable(z.number()),
  concurrencyBuffer: nullable(z.number()),
  concurrencyBufferPerc: nullable(z.number()),
  scalingDelay: nullable(z.number()),
  maxMultiplexing: nullable(z.number()),
  requestTimeout: nullable(z.number()),
  requestStartTimeout: nullable(z.number()),
  startupTimeout: nullable(z.number()),
  terminationGracePeriodSeconds: nullable(z.number()),
  skipRetryConditions: z._default(z.array(RetryConditionSchema), []),
  retryConfig: nullable(z.record(z.string(), z.unknown())),
  secrets: nullable(z.array(z.string())),
  regions: nullable(z.array(z.string())),
  dataMounts: nullable(z.array(z.string())),
  /** Null: the app is healthy while its port accepts connections. */
  healthCheck: nullable(HealthCheckSchema),
});
export type AppSettings = z.infer<typeof AppSettingsSchema>;

/** 1-based, inclusive line range in the source file. */
export interface LineRange {
  start: number;
  end: number;
}

export interface FoundEndpoint {
  /** Route path as written, e.g. `/` or `/stream`. */
  path: string;
  /** Python method name. */
  method: string;
  kind: 'http' | 'websocket' | 'realtime';
  healthCheck: boolean;
  lines: LineRange;
}

/** One `fal.App` subclass or `@fal.function` as read from source, without running Python. */
export interface FoundApp {
  file: string;
  /** Class or function name. */
  symbol: string;
  kind: 'app' | 'function';
  /** The alias it would be deployed under: `app_name`, the `name=` keyword, or the SDK's kebab-case of the class name. */
  name: string;
  lines: LineRange;
  endpoints: FoundEndpoint[];
  settings: AppSettings;
  /** Settings that are set in the source by something that is not a literal; their value in `settings` is the default. */
  unresolved: string[];
}

/** `owner/name`, the key of an app everywhere. */
export type AppId = `${string}/${string}`;
