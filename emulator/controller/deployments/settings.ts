import { type AppSettings, AppSettingsSchema, WindtunnelError } from '../../contract/index.ts';
import type { Json } from '../protocol/struct.ts';
import type { EnvironmentDefinition, RegisterRequest, RunRequest } from './requests.ts';

/** The settings that an upload asks for, in the words of the emulator. Throws E_NOT_EMULATED, E_BAD_REQUEST. */
export function uploadedSettings(request: RunRequest, deployed: RegisterRequest | null): AppSettings {
  const machine = request.machine_requirements;
  const environment = readEnvironment(request.environments);
  const types = machine?.machine_types.length ? machine.machine_types : [machine?.machine_type ?? 'XS'];
  return AppSettingsSchema.parse({
    ...environment,
    appAuth: request.auth_mode?.toLowerCase() ?? null,
    machineTypes: types,
    numGpus: machine?.num_gpus ?? null,
    exposedPort: machine?.exposed_port ?? null,
    metricsPort: machine?.metrics_port ?? null,
    keepAlive: machine?.keep_alive ?? null,
    minConcurrency: machine?.min_concurrency ?? null,
    maxConcurrency: machine?.max_concurrency ?? null,
    concurrencyBuffer: machine?.concurrency_buffer ?? null,
    concurrencyBufferPerc: machine?.concurrency_buffer_perc ?? null,
    scalingDelay: machine?.scaling_delay_seconds ?? null,
    maxMultiplexing: machine?.max_multiplexing ?? null,
    requestTimeout: machine?.request_timeout ?? null,
    requestStartTimeout: machine?.request_start_timeout ?? null,
    startupTimeout: machine?.startup_timeout ?? null,
    regions: machine?.valid_regions.length ? machine.valid_regions : null,
    dataMounts: request.data_mounts.length > 0 ? request.data_mounts : null,
    secrets: request.secrets?.names ?? null,
    healthCheck: healthCheck(request.health_check_config),
    terminationGracePeriodSeconds: deployed?.termination_grace_period_seconds ?? null,
    skipRetryConditions: (deployed?.skip_retry_conditions ?? []).flatMap((condition) =>
      // In the protocol, and not among the SDK's: a client's error is never retried.
      condition === 'CLIENT_ERROR' ? [] : condition.toLowerCase(),
    ),
    retryConfig: deployed?.retry_config === undefined ? null : parseRetryConfig(deployed.retry_config),
  });
}

/** The probe that an upload asks for; one without a path is none. */
function healthCheck(config: RunRequest['health_check_config']): object | null {
  if (config === undefined || config.path === '') return null;
  return {
    path: config.path,
    method: config.method,
    startPeriodSeconds: config.start_period_seconds ?? null,
    timeoutSeconds: config.timeout_seconds ?? null,
    failureThreshold: config.failure_threshold ?? null,
    callRegularly: config.call_regularly ?? null,
    allowOnBusy: config.allow_on_busy ?? null,
  };
}

/** Kind, Python and packages of an upload. */
export function readEnvironment(
  environments: readonly EnvironmentDefinition[],
): Pick<AppSettings, 'kind' | 'pythonVersion' | 'requirements' | 'image'> {
  const [definition] = environments;
  if (!definition || environments.length > 1) {
    throw new WindtunnelError('E_BAD_REQUEST', `An app has one environment; this names ${environments.length}.`);
  }
  const { kind, configuration } = definition;
  if (kind !== 'virtualenv' && kind !== 'container') {
    throw new WindtunnelError('E_NOT_EMULATED', `Environments of kind ${JSON.stringify(kind)} are not emulated.`, {
      hint: 'Use kind="virtualenv" with requirements, or a ContainerImage.',
    });
  }
  const python = configuration.python_version;
  return {
    kind,
    pythonVersion: typeof python === 'string' ? minor(python) : null,
    requirements: layers(configuration.requirements),
    image: isObject(configuration.image) ? configuration.image : null,
  };
}

/** `3.11` of `3.11.7`: runners differ in the patch release. */
function minor(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}

function layers(requirements: Json | undefined): string[][] {
  if (!Array.isArray(requirements) || requirements.length === 0) return [];
  if (requirements.every((entry) => typeof entry === 'string')) return [requirements];
  return requirements.map((layer) => (Array.isArray(layer) ? layer.map(String) : [String(layer)]));
}

function parseRetryConfig(text: string): Record<string, unknown> {
  const json: unknown = parseJson(text);
  if (isObject(json)) return json;
  throw new WindtunnelError('E_BAD_REQUEST', `retry_config is no JSON object: ${text}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new WindtunnelError('E_BAD_REQUEST', `retry_config is not JSON: ${text}`, { cause });
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
