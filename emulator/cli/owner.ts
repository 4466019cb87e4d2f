import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import type { Host } from '../client/paths.ts';

const NICKNAME = /^[A-Za-z0-9][A-Za-z0-9_-]*$/;

/**
 * Owner of the apps here: the nickname in the user's fal profile, else `local`. The profile is FAL_PROFILE or the chosen one, as
 * the fal CLI takes it; only its `nickname` or `team` is looked at, never its key.
 */
export function defaultOwner(host: Host): string {
  const file = host.env.FAL_CONFIG_PATH ?? join(host.home, '.fal', 'config.toml');
  const config = readToml(file);
  // Source: fal 1.83 `config.py`: the chosen profile stands under `__internal__`.
  const internal = tableOf(config, '__internal__');
  const profile = tableOf(config, host.env.FAL_PROFILE ?? stringOf(internal, 'profile') ?? '');
  const name = stringOf(profile, 'nickname') ?? stringOf(profile, 'team');
  return name !== null && NICKNAME.test(name) ? name : 'local';
}

/** Empty for a file that is missing or that nobody can parse: the fal CLI will tell its owner about it. */
function readToml(file: string): Record<string, unknown> {
  try {
    return parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const unreadable = error instanceof Error && 'code' in error && ['ENOENT', 'EACCES'].includes(String(error.code));
    if (unreadable || error instanceof TomlError) return {};
    throw error;
  }
}

function tableOf(parent: Record<string, unknown>, key: string): Record<string, unknown> {
  const value = Object.hasOwn(parent, key) ? parent[key] : null;
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function stringOf(table: Record<string, unknown>, key: string): string | null {
  const value = table[key];
  return typeof value === 'string' ? value : null;
}
