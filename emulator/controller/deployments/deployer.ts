import { randomUUID } from 'node:crypto';
import { type AppId, toWindtunnelError, WindtunnelError } from '../../contract/index.ts';
import type { RolloutStrategy } from '../../core/app-protocol.ts';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { ManagedFleet } from '../../fleet/fleet.ts';
import { deployedDefinition, engineFor, type Surroundings } from './app-definition.ts';
import type { Alias, AuthMode, Revision, Scale } from './records.ts';
import type { Registry } from './registry.ts';
import type { RegisterRequest } from './requests.ts';
import { inheritScale, scaledSettings, scaleOf } from './scale.ts';
import { uploadedSettings } from './settings.ts';
import { isServedBySdk, keepCallable, keptFiles, mustBeCallable } from './upload.ts';

export interface DeployerOptions {
  fleet: ManagedFleet;
  registry: Registry;
  surroundings: Surroundings;
  clock: Clock;
  log: Log;
}

/** Deployed apps: what the registry says is what the fleet serves. */
export class Deployer {
  private readonly options: DeployerOptions;
  /** Aliases whose new revision is proving itself. */
  private readonly rolling = new Set<string>();

  constructor(options: DeployerOptions) {
    this.options = options;
  }

  idOf(alias: string): AppId {
    return `${this.options.surroundings.owner}/${alias}`;
  }

  isRolling(alias: string): boolean {
    return this.rolling.has(alias);
  }

  /** Serves what was deployed before; runners start with the first request. */
  async restore(): Promise<void> {
    for (const alias of this.options.registry.aliases()) {
      try {
        await this.serve(alias, 'recreate', 'deployed before');
      } catch (thrown) {
        const { message } = toWindtunnelError(thrown);
        this.options.log.error('a deployed app cannot be served', { app: alias.alias, error: message });
      }
    }
  }

  /** Everything that can be wrong with an upload, before anything is built or changed. */
  check(request: RegisterRequest): Revision {
    const { registry, clock } = this.options;
    const environment = registry.mustHaveEnvironment(request.environment_name);
    const alias = request.application_name ?? randomUUID();
    if (!/^[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?$/.test(alias)) {
      throw new WindtunnelError('E_BAD_REQUEST', `Not a name for an app: ${JSON.stringify(alias)}`, {
        hint: 'Use letters, digits and dashes, such as my-app.',
      });
    }
    this.mustBeDeployed(alias);
    const settings = uploadedSettings(request, request);
    engineFor(settings, this.options.surroundings.engine);
    mustBeCallable(request);
    return {
      id: randomUUID(),
      alias,
      environment,
      createdAt: clock.now(),
      callable: { kind: 'image' },
      settings,
      servedBySdk: isServedBySdk(request),
      files: keptFiles(request, this.options.surroundings.blobs),
      metadata: request.metadata,
      sourceCode: request.source_code ?? null,
      privateLogs: request.private_logs,
    };
  }

  /**
   * Deploys: rolling, the new code must serve before it takes over, and the old goes on where it does not; recreate and
   * `--detach`, the alias moves first. Rejects with the start error of the app.
   */
  async deploy(request: RegisterRequest): Promise<Revision> {
    const { registry, surroundings } = this.options;
    const checked = this.check(request);
    const revision = { ...checked, callable: await keepCallable(request, surroundings.blobs) };
    const before = registry.alias(revision.alias);
    const alias: Alias = {
      alias: revision.alias,
      environment: revision.environment,
      revision: revision.id,
      authMode: request.auth_mode ?? before?.authMode ?? 'PRIVATE',
      scale: before && !request.scale ? inheritScale(before.scale) : scaleOf(revision.settings),
    };
    const detached = request.attach_to_deployment === false && before !== undefined;
    if (request.deployment_strategy === 'ROLLING' && !detached) {
      await this.prove(alias, revision, before === undefined);
      await registry.deploy(revision, alias);
      return revision;
    }
    await registry.deploy(revision, alias);
    // Where a runner serves, the new code's first one is awaited by nobody; it failing is told as an event.
    const serving = this.register(
      alias,
      revision,
      request.deployment_strategy === 'ROLLING' ? 'reload' : 'recreate',
      'deployed',
    );
    if (detached) this.unattended(alias.alias, serving);
    else await serving;
    return revision;
  }

  /** Another revision under an alias that is there, or a new alias for one. */
  async setAlias(name: string, revisionId: string, authMode: AuthMode | undefined, rolling: boolean): Promise<Alias> {
    const { registry } = this.options;
    const revision = registry.mustHaveRevision(revisionId);
    const before = registry.alias(name);
    this.mustBeDeployed(name);
    const alias: Alias = {
      alias: name,
      environment: before?.environment ?? revision.environment,
      revision: revision.id,
      authMode: authMode ?? before?.authMode ?? 'PRIVATE',
      scale: before ? inheritScale(before.scale) : scaleOf(revision.settings),
    };
    if (before?.revision !== revision.id) {
      if (rolling) await this.prove(alias, revision, before === undefined);
      else await this.register(alias, revision, 'recreate', 'set-rev');
    }
    await registry.setAlias(alias);
    return alias;
  }

  async deleteAlias(name: string): Promise<string> {
    const { registry, fleet } = this.options;
    const { revision } = registry.mustHaveAlias(name);
    await registry.deleteAlias(name);
    await fleet.apps.remove(this.idOf(name));
    return revision;
  }

  async rescale(name: string, change: Partial<Scale>): Promise<Alias> {
    const { registry, fleet } = this.options;
    const before = registry.mustHaveAlias(name);
    const alias = { ...before, scale: { ...before.scale, ...change } };
    await registry.setAlias(alias);
    const { settings } = deployedDefinition(
      registry.mustHaveRevision(alias.revision),
      alias,
      this.options.surroundings,
    );
    fleet.management.rescale(this.idOf(name), settings);
    return alias;
  }

  /** Resolves once it is under way; its end is told by events. */
  rollout(name: string, force: boolean): void {
    const { registry, fleet } = this.options;
    registry.mustHaveAlias(name);
    this.rolling.add(name);
    const rolled = fleet.management.rollout(this.idOf(name), force).finally(() => this.rolling.delete(name));
    this.unattended(name, rolled);
  }

  /** The settings that an alias has in effect. */
  settingsOf(alias: Alias): Revision['settings'] {
    return scaledSettings(this.options.registry.mustHaveRevision(alias.revision).settings, alias.scale);
  }

  private async serve(alias: Alias, strategy: RolloutStrategy, reason: string): Promise<void> {
    await this.register(alias, this.options.registry.mustHaveRevision(alias.revision), strategy, reason);
  }

  private async prove(alias: Alias, revision: Revision, first: boolean): Promise<void> {
    this.rolling.add(alias.alias);
    try {
      await this.register(alias, revision, 'prove', 'deployed');
    } catch (error) {
      // Nothing served before: what cannot start is not left behind.
      if (first && this.options.registry.alias(alias.alias) === undefined) {
        await this.options.fleet.apps.remove(this.idOf(alias.alias));
      }
      throw error;
    } finally {
      this.rolling.delete(alias.alias);
    }
  }

  private register(alias: Alias, revision: Revision, strategy: RolloutStrategy, reason: string): Promise<void> {
    const definition = deployedDefinition(revision, alias, this.options.surroundings);
    return this.options.fleet.apps.register(definition, reason, strategy);
  }

  private unattended(app: string, work: Promise<void>): void {
    work.catch((thrown: unknown) => {
      this.options.log.warn('a rollout failed', { app, error: toWindtunnelError(thrown).message });
    });
  }

  /** An app that `windtunnel run` serves from source is not replaced behind its back. */
  private mustBeDeployed(alias: string): void {
    const { registry, fleet } = this.options;
    const served = fleet.apps.get(this.idOf(alias));
    if (!served || registry.alias(alias) || this.rolling.has(alias)) return;
    throw new WindtunnelError('E_APP_NAME_TAKEN', `${served.id} runs already, from ${served.file}::${served.symbol}`, {
      hint: 'End that `windtunnel run`, or deploy under another name with `--app-name`.',
    });
  }
}
