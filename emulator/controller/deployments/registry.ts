import { safeParse, type z } from 'zod/mini';
import { WindtunnelError } from '../../contract/index.ts';
import type { Clock } from '../../core/clock.ts';
import type { DocumentChange, Documents } from '../../store/documents.ts';
import {
  type Alias,
  AliasSchema,
  type Environment,
  EnvironmentSchema,
  type Revision,
  RevisionSchema,
} from './records.ts';

/** The environment that every account has. */
export const MAIN = 'main';
const SEPARATOR = '--';

/** What was deployed here: durable, and read from memory. */
export class Registry {
  private readonly documents: Documents;
  private readonly clock: Clock;
  private readonly startedAt: number;

  constructor(documents: Documents, clock: Clock) {
    this.documents = documents;
    this.clock = clock;
    this.startedAt = clock.now();
  }

  aliases(environment?: string): Alias[] {
    const all = this.read('aliases', AliasSchema);
    return environment === undefined ? all : all.filter((alias) => alias.environment === environment);
  }

  alias(name: string): Alias | undefined {
    return this.one('aliases', name, AliasSchema);
  }

  /** Throws E_UNKNOWN_APP. */
  mustHaveAlias(name: string): Alias {
    const found = this.alias(name);
    if (found) return found;
    const known = this.aliases().map(({ alias }) => alias);
    throw new WindtunnelError('E_UNKNOWN_APP', `App ${name} not found`, {
      hint: known.length > 0 ? `Deployed here: ${known.join(', ')}.` : 'Nothing is deployed here yet.',
    });
  }

  revisions(alias?: string): Revision[] {
    const all = this.read('revisions', RevisionSchema).sort((a, b) => b.createdAt - a.createdAt);
    return alias === undefined ? all : all.filter((revision) => revision.alias === alias);
  }

  /** Throws E_UNKNOWN_REVISION. */
  mustHaveRevision(id: string): Revision {
    const found = this.one('revisions', id, RevisionSchema);
    if (found) return found;
    throw new WindtunnelError('E_UNKNOWN_REVISION', `Revision ${id} not found`, {
      hint: 'List them with `fal apps list-rev`.',
    });
  }

  environments(): Environment[] {
    const main = { name: MAIN, description: null, createdAt: this.startedAt };
    return [main, ...this.read('environments', EnvironmentSchema)];
  }

  /** The environment of that name, `main` where none is named. Throws E_UNKNOWN_ENVIRONMENT. */
  mustHaveEnvironment(name: string | undefined): string {
    if (name === undefined || name === '') return MAIN;
    if (this.environments().some((environment) => environment.name === name)) return name;
    throw new WindtunnelError('E_UNKNOWN_ENVIRONMENT', `Environment ${name} not found`, {
      hint: `Create it first: fal environments create ${name}`,
    });
  }

  async createEnvironment(name: string, description: string | null): Promise<Environment> {
    if (!/^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/i.test(name) || name.includes(SEPARATOR)) {
      throw new WindtunnelError('E_BAD_REQUEST', `Not a name for an environment: ${JSON.stringify(name)}`, {
        hint: 'Use letters, digits and single dashes.',
      });
    }
    if (this.environments().some((environment) => environment.name === name)) {
      throw new WindtunnelError('E_ENVIRONMENT_EXISTS', `Environment ${name} already exists`);
    }
    const environment = { name, description, createdAt: this.clock.now() };
    await this.documents.write([document('environments', name, environment)]);
    return environment;
  }

  async deleteEnvironment(name: string): Promise<void> {
    if (name === MAIN) {
      throw new WindtunnelError('E_ENVIRONMENT_EXISTS', `Environment ${MAIN} cannot be deleted`);
    }
    this.mustHaveEnvironment(name);
    const inUse = this.aliases(name).map(({ alias }) => alias);
    if (inUse.length > 0) {
      throw new WindtunnelError('E_ENVIRONMENT_EXISTS', `Environment ${name} still has apps: ${inUse.join(', ')}`, {
        hint: `Delete them first: fal apps delete ${inUse[0]} --env ${name}`,
      });
    }
    await this.documents.write([document('environments', name, null)]);
  }

  /** A revision and the alias that serves it, in one commit. */
  async deploy(revision: Revision, alias: Alias): Promise<void> {
    await this.documents.write([document('revisions', revision.id, revision), document('aliases', alias.alias, alias)]);
  }

  async setAlias(alias: Alias): Promise<void> {
    await this.documents.write([document('aliases', alias.alias, alias)]);
  }

  async deleteAlias(name: string): Promise<void> {
    await this.documents.write([document('aliases', name, null)]);
  }

  async deleteRevision(id: string): Promise<void> {
    this.mustHaveRevision(id);
    const alias = this.aliases().find(({ revision }) => revision === id);
    if (alias) {
      throw new WindtunnelError('E_REVISION_IN_USE', `Revision ${id} is what ${alias.alias} serves`, {
        hint: `Point the app to another one first: fal apps set-rev ${alias.alias} REVISION`,
      });
    }
    await this.documents.write([document('revisions', id, null)]);
  }

  private read<S extends z.core.$ZodType>(collection: string, schema: S): z.infer<S>[] {
    return [...this.documents.all(collection).keys()].flatMap((key) => this.one(collection, key, schema) ?? []);
  }

  private one<S extends z.core.$ZodType>(collection: string, key: string, schema: S): z.infer<S> | undefined {
    const text = this.documents.all(collection).get(key);
    return text === undefined ? undefined : parseDocument(schema, text, collection, key);
  }
}

function document(collection: string, key: string, value: object | null): DocumentChange {
  return { collection, key, value: value === null ? null : JSON.stringify(value) };
}

function parseDocument<S extends z.core.$ZodType>(
  schema: S,
  text: string,
  collection: string,
  key: string,
): z.infer<S> {
  const parsed = safeParse(schema, JSON.parse(text));
  if (parsed.success) return parsed.data;
  throw new WindtunnelError('E_STATE_DAMAGED', `The stored ${collection} ${key} cannot be read.`, {
    hint: 'Move the damaged state aside with `windtunnel clean --state`.',
    cause: parsed.error,
  });
}
