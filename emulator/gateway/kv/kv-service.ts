import { LIMITS, WindtunnelError } from '../../contract/index.ts';
import { readBytes } from '../body.ts';
import type { GatewayDeps } from '../deps.ts';
import type { Exchange } from '../exchange.ts';
import { HttpFailure, toFailure, wrongMethod } from '../failure.ts';
import { sendJson } from '../respond.ts';

/** Seconds. Source: fal SDK 1.83 `toolkit/kv.py`, docstring of `set`. */
const MIN_TTL = 60;
const MAX_TTL = 30 * 24 * 3600;

const METHODS = { get: 'GET', set: 'PUT', delete: 'DELETE' } as const;

/** `kv.fal.media`: GET /get/{db}/{key}, PUT /set/{db}/{key}?ttl=, DELETE /delete/{db}/{key}. Errors are `{"error": text}`. */
export async function serveKv(exchange: Exchange, deps: GatewayDeps): Promise<void> {
  try {
    await serve(exchange, deps);
  } catch (thrown) {
    const { status, error, answer } = toFailure(thrown);
    throw new HttpFailure(status, error, { ...answer, body: { error: error.message } });
  }
}

async function serve({ req, res, route }: Exchange, deps: GatewayDeps): Promise<void> {
  // A key is what stands there, unread: the SDK quotes nothing, and a key may hold slashes.
  const [, operation, db, key] = /^\/([^/]+)\/([^/]+)\/(.+)$/.exec(route.path) ?? [];
  if (db === undefined || key === undefined || !isOperation(operation)) {
    throw refused(404, 'Use GET /get/{db}/{key}, PUT /set/{db}/{key} or DELETE /delete/{db}/{key}.');
  }
  const method = req.method ?? 'GET';
  if (method !== METHODS[operation]) throw wrongMethod(method, `/${operation}`, METHODS[operation]);
  const limit = LIMITS.kvKeyBytes;
  if (Buffer.byteLength(key) > limit) throw refused(414, `A key is at most ${limit} bytes long.`);
  switch (operation) {
    case 'get': {
      const value = await deps.kv.get(db, key);
      if (value === null) throw refused(404, 'There is no such key, or it has ended.');
      sendJson(res, 200, { value });
      return;
    }
    case 'set': {
      const ttl = ttlOf(route.query);
      const options = { clock: deps.clock, limit: LIMITS.kvValueBytes, what: 'The value' };
      await deps.kv.set(db, key, textOf(await readBytes(req, options)), ttl);
      sendJson(res, 200, {});
      return;
    }
    case 'delete':
      await deps.kv.delete(db, key);
      sendJson(res, 200, {});
  }
}

function ttlOf(query: string): number {
  const text = new URLSearchParams(query).get('ttl');
  if (text === null) return MAX_TTL;
  const ttl = Number(text);
  if (!/^\d+$/.test(text) || ttl < MIN_TTL || ttl > MAX_TTL) {
    throw refused(400, `ttl must be a whole number of seconds from ${MIN_TTL} to ${MAX_TTL}, not ${text}.`);
  }
  return ttl;
}

function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw refused(400, 'The value is not UTF-8 text.');
  }
}

const isOperation = (word: string | undefined): word is keyof typeof METHODS =>
  word !== undefined && Object.hasOwn(METHODS, word);

function refused(status: number, message: string): HttpFailure {
  return new HttpFailure(status, new WindtunnelError('E_BAD_REQUEST', message));
}
