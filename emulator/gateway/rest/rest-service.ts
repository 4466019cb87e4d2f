import { readJsonObject } from '../body.ts';
import type { GatewayDeps } from '../deps.ts';
import type { Exchange } from '../exchange.ts';
import { badRequest, notEmulated, wrongMethod } from '../failure.ts';
import { fileDraft } from '../files/draft.ts';
import { filesBase, fileUrl } from '../files/locations.ts';
import { sendJson } from '../respond.ts';

/** fal's default life of a client token, seconds (fal-js `TOKEN_EXPIRATION_SECONDS`). */
const TOKEN_SECONDS = 120;
const MAX_TOKEN_SECONDS = 24 * 3600;
/** The SDK renews a CDN token that has less than an hour left: a day would do, two cost nothing. */
const CDN_TOKEN_SECONDS = 48 * 3600;

const STORAGE_TYPES = new Set(['fal-cdn-v3', 'gcs']);

/** `rest.fal.ai`: tokens and the beginning of uploads. */
export async function serveRest(exchange: Exchange, deps: GatewayDeps): Promise<void> {
  const { req, route } = exchange;
  const path = route.path.length > 1 && route.path.endsWith('/') ? route.path.slice(0, -1) : route.path;
  if (path === '/.well-known/jwks.json') {
    if (req.method !== 'GET' && req.method !== 'HEAD') throw wrongMethod(req.method ?? '', path, 'GET');
    sendJson(exchange.res, 200, deps.jwks());
    return;
  }
  const handler = HANDLERS[path];
  if (handler === undefined) throw notEmulated(`The REST call ${req.method} ${route.host}${route.path}`);
  if (req.method !== 'POST') throw wrongMethod(req.method ?? 'GET', path, 'POST');
  await handler(exchange, deps, await readJsonObject(req, deps.clock));
}

type Handler = (exchange: Exchange, deps: GatewayDeps, body: Record<string, unknown>) => void | Promise<void>;

const HANDLERS: Readonly<Record<string, Handler>> = {
  '/tokens': (exchange, deps, body) => {
    sendJson(exchange.res, 200, appToken(exchange, deps, body, body.token_expiration));
  },
  '/tokens/realtime': (exchange, deps, body) => {
    sendJson(exchange.res, 200, { token: appToken(exchange, deps, body, body.duration) });
  },
  '/storage/auth/token': (exchange, deps) => {
    const expires = new Date(deps.clock.now() + CDN_TOKEN_SECONDS * 1000).toISOString();
    sendJson(exchange.res, 200, {
      token: deps.tokens.sign('cdn', user(exchange), CDN_TOKEN_SECONDS),
      token_type: 'Bearer',
      base_url: filesBase(exchange.route, deps),
      // Python before 3.11 does not read `Z`.
      expires_at: expires.replace('Z', '+00:00'),
    });
  },
  '/storage/upload/initiate': beginUpload,
  '/storage/upload/initiate-multipart': beginUpload,
};

/** One kind of upload address serves both: a PUT to it is the whole file, below it stand parts and `complete`. */
function beginUpload(exchange: Exchange, deps: GatewayDeps, body: Record<string, unknown>): void {
  const { res, route } = exchange;
  const type = new URLSearchParams(route.query).get('storage_type') ?? 'fal-cdn-v3';
  if (!STORAGE_TYPES.has(type)) throw badRequest(`Unknown storage_type ${JSON.stringify(type)}.`);
  const draft = fileDraft(body.file_name, body.content_type, exchange, deps.clock.now());
  const upload = deps.uploads.begin(draft);
  const base = filesBase(route, deps);
  sendJson(res, 200, {
    // The permission stands in the path, not the query: the SDK's `gcs` form appends `/{part}` to the whole URL.
    upload_url: `${base}/files/uploads/${upload.id}`,
    file_url: fileUrl(base, upload.fileId, draft.name),
  });
}

function appToken(exchange: Exchange, deps: GatewayDeps, body: Record<string, unknown>, seconds: unknown): string {
  const apps = body.allowed_apps ?? (body.app === undefined ? undefined : [body.app]);
  if (!Array.isArray(apps) || apps.length === 0 || !apps.every((app) => typeof app === 'string')) {
    throw badRequest('`allowed_apps` must be a list of app names.');
  }
  const life = seconds ?? TOKEN_SECONDS;
  if (typeof life !== 'number' || !(life > 0) || life > MAX_TOKEN_SECONDS) {
    throw badRequest(`A token lives 1 to ${MAX_TOKEN_SECONDS} seconds.`);
  }
  return deps.tokens.sign('app', user(exchange), Math.ceil(life), apps);
}

function user(exchange: Exchange): string {
  return exchange.caller.identity?.user ?? 'local';
}
