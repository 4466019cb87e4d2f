import * as z from 'zod/mini';
import { type AppSettings, AppSettingsSchema, type HealthCheck, HealthCheckSchema } from '../contract/index.ts';
import { attribute, type ClassModel } from './class-model.ts';
import { isDict, isFalObject, type Maybe, UNKNOWN, type Value } from './value.ts';

type Key = keyof AppSettings;
type Plain = string | number | boolean | null | undefined | Plain[] | { [key: string]: Plain };

/** SDK name → ours, for what is carried over as it is. `None` means not set. */
const NAMES: readonly [string, Key][] = [
  ['app_auth', 'appAuth'],
  ['num_gpus', 'numGpus'],
  ['python_version', 'pythonVersion'],
  ['requirements_context_dir', 'requirementsContextDir'],
  ['local_python_modules', 'localPythonModules'],
  ['app_files', 'appFiles'],
  ['app_files_ignore', 'appFilesIgnore'],
  ['app_files_context_dir', 'appFilesContextDir'],
  ['metrics_port', 'metricsPort'],
  ['keep_alive', 'keepAlive'],
  ['min_concurrency', 'minConcurrency'],
  ['max_concurrency', 'maxConcurrency'],
  ['concurrency_buffer', 'concurrencyBuffer'],
  ['concurrency_buffer_perc', 'concurrencyBufferPerc'],
  ['scaling_delay', 'scalingDelay'],
  ['max_multiplexing', 'maxMultiplexing'],
  ['request_timeout', 'requestTimeout'],
  ['request_start_timeout', 'requestStartTimeout'],
  ['startup_timeout', 'startupTimeout'],
  ['termination_grace_period_seconds', 'terminationGracePeriodSeconds'],
  ['skip_retry_conditions', 'skipRetryConditions'],
  ['secrets', 'secrets'],
  ['regions', 'regions'],
  ['data_mounts', 'dataMounts'],
  ['kind', 'kind'],
  ['exposed_port', 'exposedPort'],
];

/** Attributes that `wrap_app` reads from the class itself, not from host_kwargs. Source: fal SDK 1.83 app.py. */
const FROM_CLASS = ['requirements', 'local_python_modules', 'machine_type', 'num_gpus', 'regions', 'app_auth'];

export interface ReadSettings {
  settings: AppSettings;
  unresolved: string[];
}

/** Settings of an app class as `wrap_app` would hand them on. */
export function settingsOfClass(model: ClassModel): ReadSettings {
  const raw = new Map(model.hostKwargs);
  for (const name of FROM_CLASS) {
    const value = attribute(model, name);
    // Given as a class keyword too, the keyword is what the author wrote last.
    if (value !== undefined && !raw.has(name)) raw.set(name, value);
  }
  // An app's port is the SDK's own (8080): only a function's server binds one by itself.
  raw.delete('exposed_port');
  const read = readSettings(raw, 'S');
  if (model.named && typeof model.appName === 'string') read.settings.appName = model.appName;
  if (model.appName === UNKNOWN) read.unresolved.push('app_name');
  if (model.foreignBase !== null) read.unresolved.push(`bases (${model.foreignBase})`);
  return read;
}

/** Settings of a `fal.function` from its arguments. */
export function settingsOfFunction(options: Map<string, Maybe<Value>>): ReadSettings {
  const raw = new Map(options);
  const types = raw.get('machine_types');
  if (types !== undefined && !raw.has('machine_type')) raw.set('machine_type', types);
  if (raw.get('image')) raw.set('kind', 'container');
  // FAL_SERVERLESS_DEFAULT_MACHINE_TYPE of the SDK: a function gets the smallest machine, an app `S`.
  const read = readSettings(raw, 'XS');
  if (raw.get('health_check_config')) read.unresolved.push('health_check');
  return read;
}

function readSettings(raw: Map<string, Maybe<Value>>, machineType: string): ReadSettings {
  const settings: AppSettings = { ...AppSettingsSchema.parse({}), machineTypes: [machineType] };
  const unresolved: string[] = [];
  const take = (name: string, key: Key, convert: (value: Value) => Plain) => {
    const value = raw.get(name);
    if (value === undefined || value === null) return;
    const plain = value === UNKNOWN ? undefined : convert(value);
    const parsed = plain === undefined ? null : z.safeParse(AppSettingsSchema.shape[key], plain);
    if (parsed?.success) Object.assign(settings, { [key]: parsed.data });
    else unresolved.push(name);
  };
  for (const [name, key] of NAMES) take(name, key, toPlain);
  take('machine_type', 'machineTypes', (value) => (typeof value === 'string' ? [value] : toPlain(value)));
  take('requirements', 'requirements', layers);
  take('retry_config', 'retryConfig', retryConfig);
  take('image', 'image', image);
  if (settings.image?.dockerfile_path !== undefined) unresolved.push('image');
  return { settings, unresolved };
}

function toPlain(value: Value): Plain {
  if (typeof value === 'symbol') return undefined;
  if (Array.isArray(value)) {
    const items = value.map(toPlain);
    return items.includes(undefined) ? undefined : items;
  }
  if (value === null || typeof value !== 'object') return value;
  const entries = isDict(value) ? value.entries : value.keywords;
  return Object.fromEntries([...entries].map(([key, item]) => [key, toPlain(item)]));
}

function layers(value: Value): Plain {
  if (!Array.isArray(value)) return undefined;
  if (value.length === 0) return [];
  return toPlain(value.every((item) => typeof item === 'string') ? [value] : value);
}

/** `RetryConfig(server_error=3)` is `{server_error: {retries: 3}}`. Source: `RetryConfig.to_dict`. */
function retryConfig(value: Value): Plain {
  if (!isFalObject(value)) return toPlain(value);
  const names = ['timeout', 'server_error', 'connection_error'];
  const entries = [...value.positional.map((item, i): [string, Value] => [names[i] ?? '', item]), ...value.keywords];
  return Object.fromEntries(
    entries.flatMap(([name, item]) =>
      typeof item === 'number' ? [[name, { retries: Math.max(Math.trunc(item), 0) }]] : [],
    ),
  );
}

/** `fal.HealthCheck(…)` of an endpoint; null when it is no constant. Source: `App.get_health_check_config`. */
export function healthCheck(path: string, value: Maybe<Value>): HealthCheck | null {
  if (value === UNKNOWN || !isFalObject(value) || value.positional.length > 0) return null;
  const fields = [...value.keywords].map(([name, item]) => [camelCase(name), toPlain(item)]);
  const { method, ...rest } = Object.fromEntries(fields) as Record<string, unknown>;
  const parsed = HealthCheckSchema.safeParse({ path, ...rest, ...(method ? { method } : {}) });
  return parsed.success ? parsed.data : null;
}

const camelCase = (name: string): string => name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

function image(value: Value): Plain {
  if (!isFalObject(value)) return undefined;
  const fields = toPlain(value);
  if (fields === undefined || fields === null || typeof fields !== 'object' || Array.isArray(fields)) return undefined;
  const first = value.positional[0];
  const { text, path, ...rest } = fields;
  if (value.name === 'ContainerImage.from_dockerfile') {
    const file = first ?? path;
    return typeof file === 'string' ? { ...rest, dockerfile_path: file } : undefined;
  }
  const dockerfile = first ?? text ?? rest.dockerfile_str;
  return typeof dockerfile === 'string' ? { ...rest, dockerfile_str: dockerfile } : undefined;
}
