import * as z from 'zod/mini';
import { WindtunnelError } from '../contract/index.ts';
import { leaksFal, parseNoProxy } from '../gateway/port/no-proxy.ts';
import { isKept, readKept } from './shell-records.ts';

/** Environment variables of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

export interface ExecEnvOptions {
  /** The public port, on 127.0.0.1. */
  port: number;
  /** Exec key: the password of the proxy URL, and what binds a session to its upstream proxy. URL-safe characters. */
  key: string;
  /** The local key that fal's clients send, `id:secret`. */
  falKey: string;
  /** Variable → CA bundle, from `makeCaBundles`. */
  bundles: Readonly<Record<string, string>>;
  /** Absolute path of preload.cjs. */
  preloadPath: string;
}

const SAVED = 'WINDTUNNEL_ORIGINAL_ENV';
const PORT_URL = 'WINDTUNNEL_PORT_URL';

/** Returns the value that leads back to a record; `before` is the one that the environment has now, if any. */
export type KeepRecord = (record: string, before: string | undefined) => string;

const RecordSchema = z.record(z.string(), z.nullable(z.string()));

// Lower case beside upper case: gRPC reads https_proxy in lower case only. grpc_proxy beats it there. websockets prefers
// wss_proxy, then socks_proxy, to https_proxy, and aiohttp reads wss_proxy alone for WebSockets.
const PROXY_VARIABLES = ['HTTPS_PROXY', 'https_proxy', 'grpc_proxy', 'WSS_PROXY', 'wss_proxy'];
const NO_PROXY_VARIABLES = ['NO_PROXY', 'no_proxy'];
// Python's urllib takes a variable in any case, and a mixed-case one can win over ours.
const CASELESS = new Set(['https_proxy', 'grpc_proxy', 'wss_proxy', 'no_proxy']);

// Hosts, keys and modes that would lead a client elsewhere. Sources: fal 1.83 `flags.py`, `auth`, `sdk.py`; fal_client 1.0.3.
const UNSET = [
  'no_grpc_proxy',
  'FAL_HOST',
  'FAL_RUN_HOST',
  'FAL_QUEUE_RUN_HOST',
  'FAL_REST_HOST',
  'FAL_WS_RUN_HOST',
  'FAL_KEY_ID',
  'FAL_KEY_SECRET',
  'FAL_FORCE_AUTH_BY_USER',
  'ISOLATE_TEST_MODE',
  'ISOLATE_AUTH_DISABLED',
];

const LOOPBACK = ['localhost', '127.0.0.1', '::1'];

/**
 * The environment in which every official client, SDK and CLI reaches the emulator under fal's own host names. What it changes
 * is kept inside, for `originalEnv`. An environment that is exec's already is taken back to its original first.
 * HTTP_PROXY and ALL_PROXY stay the user's: the scheme's own variable wins over them.
 */
export function execEnv(env: Environment, options: ExecEnvOptions): Record<string, string> {
  return redirected(env, options, (record) => Buffer.from(record).toString('base64'));
}

/** `keep` turns the record of what is changed, which holds the user's own key, into the variable's value. */
function redirected(env: Environment, options: ExecEnvOptions, keep: KeepRecord): Record<string, string> {
  const original = originalEnv(env);
  const changes = changesOf(original, options);
  const saved: Record<string, string | null> = {};
  // Sorted: the order of the variables in `env` must not show.
  for (const name of Object.keys(changes).sort()) saved[name] = original[name] ?? null;
  const result: Record<string, string> = { ...original };
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) delete result[name];
    else result[name] = value;
  }
  result[SAVED] = keep(JSON.stringify(saved), env[SAVED]);
  return result;
}

/**
 * Only what `execEnv` sets (null: unsets), for a shell to apply. It is printed, so that none of the user's own values may be
 * in it: `keep` puts the record where only the user can read it, and the variable names the place.
 */
export function execEnvChanges(
  env: Environment,
  options: ExecEnvOptions,
  keep: KeepRecord,
): Record<string, string | null> {
  const target = redirected(env, options, keep);
  const changes: Record<string, string | null> = {};
  for (const name of new Set([...Object.keys(env), ...Object.keys(target)])) {
    const value = target[name] ?? null;
    if (value !== (env[name] ?? null)) changes[name] = value;
  }
  return changes;
}

/**
 * The environment as it was before `exec`, rebuilt from what exec kept, not by deleting names: a deploy under it meets the
 * real fal. An environment that is not exec's comes back as it is. Throws E_USAGE where the record is damaged or gone.
 */
export function originalEnv(env: Environment): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) if (value !== undefined) result[name] = value;
  const record = result[SAVED];
  if (record === undefined) return result;
  delete result[SAVED];
  for (const [name, value] of Object.entries(parseRecord(record))) {
    if (value === null) delete result[name];
    else result[name] = value;
  }
  return result;
}

function changesOf(original: Record<string, string>, options: ExecEnvOptions): Record<string, string | null> {
  const proxy = `http://wt:${options.key}@127.0.0.1:${options.port}`;
  const changes: Record<string, string | null> = {};
  for (const name of Object.keys(original)) if (CASELESS.has(name.toLowerCase())) changes[name] = null;
  for (const name of UNSET) if (name in original) changes[name] = null;
  for (const name of PROXY_VARIABLES) changes[name] = proxy;
  for (const name of NO_PROXY_VARIABLES) changes[name] = noProxy(original);
  Object.assign(changes, options.bundles);
  changes.NODE_OPTIONS = [original.NODE_OPTIONS, `--require ${quoted(options.preloadPath)}`].filter(Boolean).join(' ');
  changes.FAL_KEY = options.falKey;
  // Beats the `host` of a profile in ~/.fal, which would lead the CLI out of here.
  changes.FAL_GRPC_HOST = 'api.alpha.fal.ai';
  changes[PORT_URL] = `http://127.0.0.1:${options.port}`;
  return changes;
}

function noProxy(original: Record<string, string>): string {
  const lists = Object.keys(original)
    .filter((name) => name.toLowerCase() === 'no_proxy')
    .sort()
    .flatMap((name) => parseNoProxy(original[name] ?? '').entries);
  return [...new Set([...lists.filter((entry) => !leaksFal(entry)), ...LOOPBACK])].join(',');
}

// Node splits NODE_OPTIONS at spaces outside double quotes, within which a backslash escapes.
function quoted(path: string): string {
  return `"${path.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

function parseRecord(record: string): Record<string, string | null> {
  try {
    return RecordSchema.parse(
      JSON.parse(isKept(record) ? readKept(record) : Buffer.from(record, 'base64').toString('utf8')),
    );
  } catch (cause) {
    const what = isKept(record) ? `names a file that cannot be read any more: ${record}` : 'is damaged';
    throw new WindtunnelError('E_USAGE', `${SAVED} in the environment ${what}.`, {
      hint: 'Run the command in a terminal that was not started by windtunnel exec, nor changed by windtunnel env.',
      cause,
    });
  }
}
