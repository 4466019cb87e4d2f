import type { Clock } from '../../core/clock.ts';
import type { EventBus } from '../../core/event-bus.ts';
import type { Log } from '../../core/log.ts';
import type { Environments } from '../../environments/environments.ts';
import type { ManagedFleet } from '../../fleet/fleet.ts';
import type { Surroundings } from '../deployments/app-definition.ts';
import type { Deployer } from '../deployments/deployer.ts';
import type { Registry } from '../deployments/registry.ts';
import type { AdminKeys } from '../grpc/authorize.ts';
import type { RunnerBook } from '../runners/runner-book.ts';
import type { FunctionRuns } from '../runs/function-runs.ts';

/** Keys as `fal keys` manages them. */
export interface AccountKeys extends AdminKeys {
  createUser(alias: string, scope: 'ADMIN' | 'API'): { id: string; secret: string };
  userKeys(): { id: string; alias: string; scope: 'ADMIN' | 'API'; createdAt: number }[];
  revokeUser(id: string): boolean;
}

/** Secrets as `fal secrets` manages them. */
export interface AccountSecrets {
  list(environment: string): { name: string; updatedAt: number; exposed: boolean }[];
  set(name: string, value: string, environment: string, exposed: boolean): void;
  unset(name: string, environment: string): boolean;
  dropEnvironment(environment: string): void;
}

/** What the calls of the controller work with. */
export interface ControllerParts {
  fleet: ManagedFleet;
  registry: Registry;
  deployer: Deployer;
  environments: Environments;
  surroundings: Surroundings;
  runners: RunnerBook;
  functions: FunctionRuns;
  keys: AccountKeys;
  secrets: AccountSecrets;
  redact: (text: string) => string;
  bus: EventBus;
  clock: Clock;
  log: Log;
}
