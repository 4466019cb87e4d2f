import * as z from 'zod/mini';
import { type AppId, AppSettingsSchema } from './app.ts';
import { ERROR_CODES, type ErrorCode, type SerializedError } from './errors.ts';
import type { EmulatorEvent } from './events.ts';
import { GpuDemandSchema, GpuFitSchema, GpuUseSchema } from './gpu.ts';
import type { LogLine } from './request.ts';
import type { RunnerState, StartPhase } from './runner.ts';
import { ScenarioSchema } from './scenario.ts';

/**
 * The control API: HTTP over the workspace's unix socket, `Authorization: Bearer <token of the registry entry>` and
 * `windtunnel-version` on every call. Errors are a SerializedError under `error`, with a 4xx or 5xx status.
 */
export const CONTROL_HEADERS = { version: 'windtunnel-version' } as const;

/** Protocol of `apps/OWNER/NAME/debug`: the Debug Adapter Protocol over an upgraded connection. */
export const DEBUG_PROTOCOL = 'windtunnel-dap';

/** Protocol of `runners/ID/shell`: a command beside the app, in the frames of runner/shell.py, over an upgraded connection. */
export const SHELL_PROTOCOL = 'windtunnel-shell';

/** Paths of the control API. `hello` and `shutdown` answer callers of any version, so that a mismatch can be mended. */
export const CONTROL_PATHS = {
  hello: '/v1/hello',
  status: '/v1/status',
  apps: '/v1/apps',
  runners: '/v1/runners',
  logs: '/v1/logs',
  requests: '/v1/requests',
  events: '/v1/events',
  secrets: '/v1/secrets',
  grants: '/v1/grants',
  shutdown: '/v1/shutdown',
} as const;

const codes = Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]];

export const SerializedErrorSchema: z.ZodMiniType<SerializedError> = z.object({
  code: z.enum(codes),
  kind: z.enum(['user', 'app', 'fidelity', 'system', 'cancelled']),
  message: z.string(),
  hint: z.exactOptional(z.string()),
  actions: z.exactOptional(z.array(z.string())),
  detail: z.exactOptional(z.string()),
});

export const ErrorAnswerSchema = z.object({ error: SerializedErrorSchema });

/** One running emulator as other processes find it; a 0600 file in the workspace's state folder. */
export const RegistryEntrySchema = z.object({
  version: z.string(),
  pid: z.number(),
  /** Start time of the process as the system tells it, so that a reused pid is not taken for the emulator. */
  processStart: z.string(),
  workspace: z.string(),
  socket: z.string(),
  token: z.string(),
  /** The public port: `http://127.0.0.1:8799`. */
  url: z.string(),
  /** Where other machines are served, and the file with the certificate that they trust. */
  remote: z.exactOptional(z.object({ url: z.string(), caFile: z.string() })),
});
export type RegistryEntry = z.infer<typeof RegistryEntrySchema>;

export const HelloSchema = z.object({
  version: z.string(),
  pid: z.number(),
  workspace: z.string(),
  url: z.string(),
  /** ms since the epoch. */
  startedAt: z.number(),
  /** Whether calls of the public port need a key (`requireKey`); absent: no. */
  requireKey: z.exactOptional(z.boolean()),
});
export type Hello = z.infer<typeof HelloSchema>;

const AppIdSchema = z.custom<AppId>((value) => typeof value === 'string' && /^[^/\s]+\/[^/\s]+$/.test(value));

const RunnerStateSchema: z.ZodMiniType<RunnerState> = z.enum([
  'PENDING',
  'DOCKER_PULL',
  'SETUP',
  'IDLE',
  'RUNNING',
  'DRAINING',
  'TERMINATING',
  'TERMINATED',
  'FAILURE_DELAY',
]);
const StartPhaseSchema: z.ZodMiniType<StartPhase> = z.enum(['installing', 'booting', 'importing', 'setup', 'ready']);

export const RunnerStatusSchema = z.object({
  id: z.string(),
  app: AppIdSchema,
  revision: z.string(),
  state: RunnerStateSchema,
  phase: z.nullable(StartPhaseSchema),
  inFlight: z.number(),
  slots: z.number(),
  /** ms since the epoch. */
  startedAt: z.number(),
  memoryBytes: z.nullable(z.number()),
  /** In use on the GPUs that it holds; absent where it holds none or that cannot be told. */
  gpuMemoryBytes: z.exactOptional(z.number()),
  /** The machine type that it got, of the app's list; null before that is known. */
  machine: z.nullable(z.string()),
  /** Ids of the GPUs that it holds. */
  gpus: z.array(z.string()),
  hints: z.array(z.string()),
});

export const EndpointSchema = z.object({
  path: z.string(),
  method: z.string(),
  kind: z.enum(['http', 'websocket', 'realtime']),
  healthCheck: z.boolean(),
  lines: z.object({ start: z.number(), end: z.number() }),
});

/** An app with its runners, as `ps` shows it. */
export const AppStatusSchema = z.object({
  id: AppIdSchema,
  revision: z.string(),
  file: z.string(),
  symbol: z.string(),
  engine: z.enum(['process', 'docker']),
  endpoints: z.array(EndpointSchema),
  settings: AppSettingsSchema,
  /** For each machine type of an app that asks for a GPU, whether what its engine reaches here would do; else empty. */
  gpuDemands: z.array(z.extend(GpuDemandSchema, { fit: GpuFitSchema })),
  queued: z.number(),
  running: z.number(),
  runners: z.array(RunnerStatusSchema),
  lastError: z.nullable(SerializedErrorSchema),
});
export type AppStatus = z.infer<typeof AppStatusSchema>;

export const StatusSchema = z.extend(HelloSchema, {
  apps: z.array(AppStatusSchema),
  /** GPUs that runners can have here. Those of containers are known once an app has asked for one. */
  gpus: z.array(GpuUseSchema),
});
export type Status = z.infer<typeof StatusSchema>;

export const RunRequestSchema = z.object({
  /** Absolute path of the Python file. */
  file: z.string(),
  symbol: z.nullable(z.string()),
  /** `owner/name` in place of the app's own. */
  as: z.nullable(AppIdSchema),
  /** Null: the configuration's, else `auto`. */
  engine: z.nullable(z.enum(['auto', 'process', 'docker'])),
  watch: z.boolean(),
  /** Faults that are put between the emulator and the runners of this app. */
  scenario: z.exactOptional(ScenarioSchema),
  /** One runner, which waits for a debug client before its first line. Absent: no debugger. */
  debug: z.exactOptional(z.boolean()),
});
export type RunRequest = z.infer<typeof RunRequestSchema>;

export const RunAnswerSchema = z.object({
  app: AppStatusSchema,
  /** What the user should know about this registration: the engine that was taken and why, what is replaced, GPU on CPU. */
  notices: z.array(z.object({ level: z.enum(['info', 'warn']), message: z.string() })),
});
export type RunAnswer = z.infer<typeof RunAnswerSchema>;

export const PauseReloadSchema = z.object({ paused: z.boolean() });

export const StopRunnerSchema = z.object({ graceSeconds: z.exactOptional(z.number()) });
export const StopRunnerAnswerSchema = z.object({ stopped: z.boolean() });

export const LogLineSchema: z.ZodMiniType<LogLine> = z.object({
  timestamp: z.string(),
  level: z.enum(['STDERR', 'STDOUT', 'ERROR', 'INFO', 'WARN', 'DEBUG']),
  message: z.string(),
  source: z.enum(['USER', 'RUNNER']),
  labels: z.record(z.string(), z.string()),
});

/** A log line with its origin; `request` is null for lines that no request owns. */
export const LogEntrySchema = z.object({
  app: AppIdSchema,
  runner: z.nullable(z.string()),
  request: z.nullable(z.string()),
  line: LogLineSchema,
});
export type LogEntry = z.infer<typeof LogEntrySchema>;

const EVENT_TYPES = [
  'emulator.ready',
  'emulator.notice',
  'app.registered',
  'app.removed',
  'app.reload',
  'app.failed',
  'environment.progress',
  'environment.ready',
  'runner.state',
  'runner.exit',
  'request.state',
  'request.cold_start',
  'request.cancel',
  'request.replay',
  'request.body',
  'fault',
  'direct.started',
  'direct',
  'webhook',
  'log',
] as const satisfies EmulatorEvent['type'][];

/** Both ends have one version (the handshake), so an event is checked by its envelope only. */
export const EventSchema = z.custom<EmulatorEvent>((value) => {
  if (typeof value !== 'object' || value === null) return false;
  const { at, type } = value as { at?: unknown; type?: unknown };
  return typeof at === 'number' && (EVENT_TYPES as readonly unknown[]).includes(type);
});

/** Names as fal takes them: they become environment variables. */
export const SecretNameSchema = z.string().check(z.regex(/^[A-Za-z_][A-Za-z0-9_]*$/));
/** `value` is never sent back; only `set` carries it. */
export const SetSecretSchema = z.object({ value: z.string() });
export const SecretListSchema = z.object({
  secrets: z.array(z.object({ name: z.string(), updatedAt: z.number() })),
});
export type SecretInfo = z.infer<typeof SecretListSchema>['secrets'][number];

/** What `exec` and `env` ask for: a key of their own, bound to the caller's way out of a company network. */
export const GrantRequestSchema = z.object({
  label: z.string(),
  /** The proxy variables of the caller's own environment (HTTPS_PROXY, NO_PROXY, …), as they were. */
  proxyEnv: z.record(z.string(), z.string()),
  /** The caller is about to run `fal deploy`. */
  deploys: z.optional(z.boolean()),
});
export type GrantRequest = z.infer<typeof GrantRequestSchema>;

export const GrantSchema = z.object({
  /** The part of `FAL_KEY=local:<secret>` after the colon; also the proxy's password. */
  secret: z.string(),
  url: z.string(),
  /** The CA that signs fal's host names here; a PEM file. */
  caFile: z.string(),
});
export type Grant = z.infer<typeof GrantSchema>;

export const OkSchema = z.object({ ok: z.literal(true) });
