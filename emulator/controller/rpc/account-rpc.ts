import * as z from 'zod/mini';
import { WindtunnelError } from '../../contract/index.ts';
import { type Rpcs, unary } from '../grpc/rpc.ts';
import { toTimestamp } from '../protocol/timestamp.ts';
import type { ControllerParts } from './parts.ts';

const text = z._default(z.string(), '');
const environmentName = z.optional(z.string());
const NothingSchema = z.object({});

/** What a key may do that was made by a preset (SDK, KeyPreset): the full one administers, all others call apps. */
const ADMIN_PRESETS = new Set(['full', 'admin']);

/** `fal keys`, `fal secrets` and `fal environments`. */
export function accountRpcs({ keys, secrets, registry }: ControllerParts): Rpcs {
  return {
    CreateUserKey: unary(
      z.object({
        scope: z.optional(z.enum(['ADMIN', 'API'])),
        alias: text,
        policy_preset: z.optional(z.string()),
        policy: z.optional(z.object({ permissions: z._default(z.array(z.string()), []) })),
      }),
      ({ scope, alias, policy_preset, policy }) => {
        if (policy) {
          throw new WindtunnelError('E_NOT_EMULATED', 'Keys with single permissions are not emulated.', {
            hint: 'Create one with `--scope ADMIN` or `--scope API`.',
          });
        }
        const preset =
          policy_preset === undefined ? 'API' : ADMIN_PRESETS.has(policy_preset.toLowerCase()) ? 'ADMIN' : 'API';
        const { id, secret } = keys.createUser(alias, scope ?? preset);
        return { key_id: id, key_secret: secret };
      },
    ),
    ListUserKeys: unary(NothingSchema, () => ({
      user_keys: keys.userKeys().map(({ id, alias, scope, createdAt }) => ({
        key_id: id,
        alias,
        scope,
        created_at: toTimestamp(createdAt),
      })),
    })),
    RevokeUserKey: unary(z.object({ key_id: text }), ({ key_id }) => {
      if (!keys.revokeUser(key_id)) throw new WindtunnelError('E_UNKNOWN_KEY', `Key ${key_id} not found`);
      return {};
    }),
    SetSecret: unary(
      z.object({
        name: text,
        value: z.optional(z.string()),
        environment_name: environmentName,
        default_exposed: z._default(z.boolean(), true),
      }),
      ({ name, value, environment_name, default_exposed }) => {
        const environment = registry.mustHaveEnvironment(environment_name);
        if (value !== undefined) secrets.set(name, value, environment, default_exposed);
        // Without a value it is to go; one that is not there is gone already.
        else secrets.unset(name, environment);
        return {};
      },
    ),
    ListSecrets: unary(z.object({ environment_name: environmentName }), ({ environment_name }) => {
      const environment = registry.mustHaveEnvironment(environment_name);
      return {
        secrets: secrets.list(environment).map(({ name, updatedAt, exposed }) => ({
          name,
          created_time: toTimestamp(updatedAt),
          environment_name: environment,
          default_exposed: exposed,
        })),
      };
    }),
    ListEnvironments: unary(NothingSchema, () => ({ environments: registry.environments().map(environmentInfo) })),
    CreateEnvironment: unary(
      z.object({ name: text, description: z.optional(z.string()) }),
      async ({ name, description }) => ({
        environment: environmentInfo(await registry.createEnvironment(name, description ?? null)),
      }),
    ),
    DeleteEnvironment: unary(z.object({ name: text }), async ({ name }) => {
      await registry.deleteEnvironment(name);
      secrets.dropEnvironment(name);
      return {};
    }),
  };
}

function environmentInfo(environment: { name: string; description: string | null; createdAt: number }): object {
  const { name, description, createdAt } = environment;
  return {
    name,
    is_default: name === 'main',
    created_at: toTimestamp(createdAt),
    ...(description === null ? {} : { description }),
  };
}
