import { readFileSync } from 'node:fs';
import { parse } from 'dotenv';
import { WindtunnelError } from '../../contract/index.ts';

export interface AppEnvSources {
  /** Absolute paths, weakest first; missing files are fine. Read, never written. */
  envFiles: readonly string[];
  /** The user's secret store. */
  secrets: Readonly<Record<string, string>>;
  /** The app's `secrets=[…]`; null gives it all, as at fal. */
  allowed: readonly string[] | null;
}

export interface AppEnv {
  env: Record<string, string>;
  /** Names of the app's `secrets=[…]` that nothing here provides. */
  missing: string[];
}

/**
 * What an app gets in its environment besides fal's own variables. Precedence, weakest first: `.env` files in order, then the
 * secret store (`windtunnel secret set`); fal's platform variables and what the app sets itself in Python win over both.
 * `.env` stands in for fal's secrets, so the app's allow-list holds for it as well.
 */
export function appEnv(sources: AppEnvSources): AppEnv {
  const all: Record<string, string> = {};
  for (const file of sources.envFiles) Object.assign(all, readEnvFile(file));
  Object.assign(all, sources.secrets);
  const { allowed } = sources;
  if (allowed === null) return { env: all, missing: [] };
  const env = Object.fromEntries(Object.entries(all).filter(([name]) => allowed.includes(name)));
  return { env, missing: allowed.filter((name) => !Object.hasOwn(all, name)) };
}

function readEnvFile(file: string): Record<string, string> {
  try {
    return parse(readFileSync(file));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    throw new WindtunnelError('E_FILE_UNREADABLE', `The environment file cannot be read: ${file}`, { cause: error });
  }
}
