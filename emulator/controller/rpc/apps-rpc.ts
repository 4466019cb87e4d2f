import * as z from 'zod/mini';
import { effectiveSettings } from '../../core/effective-settings.ts';
import type { Alias, Revision, Scale } from '../deployments/records.ts';
import { type Rpcs, unary } from '../grpc/rpc.ts';
import { toTimestamp } from '../protocol/timestamp.ts';
import type { ControllerParts } from './parts.ts';
import { runnerInfo } from './runner-info.ts';

const environmentName = z.optional(z.string());
const AuthModeSchema = z.optional(z.enum(['PRIVATE', 'PUBLIC', 'SHARED']));
const name = z._default(z.string(), '');
const int = z.optional(z.number());
const strings = z._default(z.array(z.string()), []);

const UpdateSchema = z.object({
  application_name: name,
  keep_alive: int,
  max_multiplexing: int,
  max_concurrency: int,
  min_concurrency: int,
  valid_regions: strings,
  machine_types: strings,
  request_timeout: int,
  request_start_timeout: int,
  startup_timeout: int,
  concurrency_buffer: int,
  concurrency_buffer_perc: int,
  scaling_delay_seconds: int,
});

/** `fal apps`: aliases and the revisions that they name. */
export function appsRpcs(parts: ControllerParts): Rpcs {
  const { registry, deployer, runners } = parts;
  return {
    ListAliases: unary(z.object({ environment_name: environmentName }), ({ environment_name }) => ({
      aliases: registry.aliases(registry.mustHaveEnvironment(environment_name)).map((alias) => aliasInfo(alias, parts)),
    })),
    SetAlias: unary(
      z.object({
        alias: name,
        revision: name,
        auth_mode: AuthModeSchema,
        deployment_strategy: z._default(z.enum(['RECREATE', 'ROLLING']), 'RECREATE'),
      }),
      async ({ alias, revision, auth_mode, deployment_strategy }) => ({
        alias_info: aliasInfo(
          await deployer.setAlias(alias, revision, auth_mode, deployment_strategy === 'ROLLING'),
          parts,
        ),
      }),
    ),
    DeleteAlias: unary(z.object({ alias: name }), async ({ alias }) => ({
      revision: await deployer.deleteAlias(alias),
    })),
    ListApplications: unary(
      z.object({ application_name: z.optional(z.string()), environment_name: environmentName }),
      ({ application_name, environment_name }) => {
        const environment = registry.mustHaveEnvironment(environment_name);
        const revisions = registry
          .revisions(application_name)
          .filter((revision) => revision.environment === environment);
        return { applications: revisions.map((revision) => applicationInfo(revision, parts)) };
      },
    ),
    DeleteApplication: unary(z.object({ application_id: name }), async ({ application_id }) => {
      await registry.deleteRevision(application_id);
      return {};
    }),
    UpdateApplication: unary(UpdateSchema, async (request) => ({
      alias_info: aliasInfo(await deployer.rescale(request.application_name, changeOf(request)), parts),
    })),
    RolloutApplication: unary(
      z.object({ application_name: name, force: z._default(z.boolean(), false) }),
      ({ application_name, force }) => {
        deployer.rollout(application_name, force);
        return {};
      },
    ),
    ListAliasRunners: unary(
      z.object({
        alias: name,
        list_pending: z._default(z.boolean(), false),
        start_time: z.optional(z.object({ seconds: int, nanos: int })),
      }),
      ({ alias, list_pending, start_time }) => {
        registry.mustHaveAlias(alias);
        const app = deployer.idOf(alias);
        const found = runners.all().filter((runner) => runner.app === app);
        return { runners: runnerInfo(found, { pending: list_pending, startTime: start_time }, parts) };
      },
    ),
  };
}

/** Only what the call names is changed. */
function changeOf(request: z.infer<typeof UpdateSchema>): Partial<Scale> {
  const change = {
    keepAlive: request.keep_alive,
    maxMultiplexing: request.max_multiplexing,
    maxConcurrency: request.max_concurrency,
    minConcurrency: request.min_concurrency,
    regions: request.valid_regions.length > 0 ? request.valid_regions : undefined,
    machineTypes: request.machine_types.length > 0 ? request.machine_types : undefined,
    requestTimeout: request.request_timeout,
    requestStartTimeout: request.request_start_timeout,
    startupTimeout: request.startup_timeout,
    concurrencyBuffer: request.concurrency_buffer,
    concurrencyBufferPerc: request.concurrency_buffer_perc,
    scalingDelay: request.scaling_delay_seconds,
  };
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
}

function aliasInfo(alias: Alias, parts: ControllerParts): object {
  return {
    ...scaling(parts.deployer.settingsOf(alias)),
    alias: alias.alias,
    revision: alias.revision,
    auth_mode: alias.authMode,
    active_runners: activeRunners(parts, alias.alias, null),
    environment_name: alias.environment,
    is_rolling: parts.deployer.isRolling(alias.alias),
  };
}

function applicationInfo(revision: Revision, parts: ControllerParts): object {
  return {
    ...scaling(revision.settings),
    application_id: revision.id,
    created_at: toTimestamp(revision.createdAt),
    active_runners: activeRunners(parts, revision.alias, revision.id),
    environment_name: revision.environment,
  };
}

function scaling(settings: Revision['settings']): object {
  const effective = effectiveSettings(settings, 'function');
  return {
    max_concurrency: effective.maxConcurrency,
    min_concurrency: effective.minConcurrency,
    max_multiplexing: effective.maxMultiplexing,
    keep_alive: effective.keepAlive,
    machine_types: settings.machineTypes,
    request_timeout: effective.requestTimeout,
    startup_timeout: effective.startupTimeout,
    valid_regions: settings.regions ?? [],
    concurrency_buffer: effective.concurrencyBuffer,
    concurrency_buffer_perc: effective.concurrencyBufferPerc,
    scaling_delay_seconds: effective.scalingDelay,
    ...(effective.requestStartTimeout === null ? {} : { request_start_timeout: effective.requestStartTimeout }),
  };
}

function activeRunners({ fleet, deployer }: ControllerParts, alias: string, revision: string | null): number {
  const runners = fleet.apps.get(deployer.idOf(alias))?.runners ?? [];
  return runners.filter((runner) => revision === null || runner.revision === revision).length;
}
