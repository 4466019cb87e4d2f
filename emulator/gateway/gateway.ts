import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { VERSION } from '../contract/index.ts';
import type { Clock } from '../core/clock.ts';
import type { Disposable } from '../core/disposable.ts';
import type { EventBus } from '../core/event-bus.ts';
import type { Log } from '../core/log.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { KeyValueStore } from '../store/kv-store.ts';
import { type AccessRules, admit, checkOrigin } from './access/access.ts';
import { allowOrigin, answerPreflight, isPreflight } from './access/cors.ts';
import type { Keys } from './access/keys.ts';
import { TokenSigner } from './access/tokens.ts';
import type { GatewayDeps } from './deps.ts';
import type { Exchange } from './exchange.ts';
import { type HttpFailure, notEmulated, toFailure, upgradeRequired } from './failure.ts';
import { serveCdn } from './files/cdn-service.ts';
import { FileStore } from './files/file-store.ts';
import { Uploads } from './files/uploads.ts';
import type { Service } from './hosts.ts';
import { serveKv } from './kv/kv-service.ts';
import { FidelityNotices } from './notices.ts';
import type { ConnectionContext } from './port/connections.ts';
import { proxiedRoute } from './proxy-protocol.ts';
import { serveQueue } from './queue/queue-service.ts';
import { sendFailure, sendJson } from './respond.ts';
import { serveRest } from './rest/rest-service.ts';
import { type Route, routeOf } from './route.ts';
import { serveRealtime } from './run/realtime.ts';
import { serveRun } from './run/run-service.ts';

export interface GatewayOptions {
  fleet: Fleet;
  clock: Clock;
  log: Log;
  bus: EventBus;
  keys: Keys;
  /** Signs short-lived tokens; at least 32 random bytes, kept with the state so that tokens outlive a restart. */
  tokenSecret: Uint8Array;
  /** `origins` and `requireKey` of windtunnel.jsonc. */
  config: { origins?: readonly string[] | undefined; requireKey?: boolean | undefined };
  /** What `kv.fal.media` keeps. */
  kv: KeyValueStore;
  /** The public keys of webhooks' signatures, as `/.well-known/jwks.json` answers them. */
  jwks: () => unknown;
  /** Folder of the local CDN's files; absolute, made if missing. */
  filesDir: string;
  /** A place for an input that is too large for memory (`RequestStore.newBodyFile`). */
  newBodyFile: () => string;
  /** REST calls that administer the account, which check for themselves who may. */
  admin?: AdminRest;
  /** `http://127.0.0.1:PORT`, known once the port is bound. */
  publicUrl: () => string;
}

/** Somebody else's part of `rest.fal.ai`. */
export interface AdminRest {
  owns(path: string): boolean;
  serve(call: { req: IncomingMessage; res: ServerResponse; path: string; query: URLSearchParams }): Promise<void>;
}

export interface Gateway extends Disposable {
  onRequest(req: IncomingMessage, res: ServerResponse, connection: ConnectionContext): void;
  onUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer, connection: ConnectionContext): void;
}

type Serve = (exchange: Exchange, deps: GatewayDeps) => void | Promise<void>;

const SERVICES: Readonly<Record<Service, Serve>> = {
  run: serveRun,
  queue: serveQueue,
  rest: serveRest,
  cdn: serveCdn,
  kv: serveKv,
  ws: () => {
    throw upgradeRequired();
  },
  api: ({ route }) => {
    throw notEmulated(`The platform API (${route.host})`);
  },
  unknown: ({ route }) => {
    throw notEmulated(`The host ${route.host}`);
  },
  proxy: (exchange, deps) => {
    const route = proxiedRoute(exchange.req);
    return SERVICES[route.service]({ ...exchange, route }, deps);
  },
  health: ({ res }, deps) =>
    sendJson(res, 200, { status: 'ok', name: 'windtunnel', version: VERSION, url: deps.publicUrl() }),
};

/** Everything that the official clients call over HTTP; the port hands it parsed requests. */
export function createGateway(options: GatewayOptions): Gateway {
  const { fleet, clock, kv, jwks, newBodyFile, publicUrl } = options;
  const log = options.log.child('gateway');
  const tokens = new TokenSigner(options.tokenSecret, clock);
  const files = new FileStore(options.filesDir, clock, log);
  const deps: GatewayDeps = {
    fleet,
    clock,
    log,
    tokens,
    files,
    uploads: new Uploads(files, clock),
    kv,
    jwks,
    newBodyFile,
    publicUrl,
  };
  const notices = new FidelityNotices(options.bus);
  const { origins, requireKey = false } = options.config;
  const rules: AccessRules = { keys: options.keys, tokens, allowedOrigins: new Set(origins), requireKey };

  const serve = async (req: IncomingMessage, res: ServerResponse, connection: ConnectionContext): Promise<void> => {
    const route = routeFor(req, connection);
    const origin = checkOrigin(req, route, rules);
    if (origin !== null) {
      allowOrigin(res, origin);
      if (isPreflight(req)) {
        answerPreflight(req, res);
        return;
      }
    }
    const caller = admit(req, route, connection, rules, origin);
    if (route.service === 'rest' && options.admin?.owns(route.path)) {
      await options.admin.serve({ req, res, path: route.path, query: new URLSearchParams(route.query) });
      return;
    }
    await SERVICES[route.service]({ req, res, connection, route, caller }, depsFor(req, connection));
  };
  // Another machine does not reach the loopback address: it gets URLs of the name by which it called.
  const depsFor = (req: IncomingMessage, { remote }: ConnectionContext): GatewayDeps =>
    remote ? { ...deps, publicUrl: () => `https://${req.headers.host}` } : deps;

  return {
    onRequest(req, res, connection) {
      serve(req, res, connection).catch((thrown: unknown) => {
        const failure = toFailure(thrown);
        notices.tell(failure);
        fail(req, res, failure, log);
      });
    },
    onUpgrade(req, socket, head, connection) {
      // Until the socket has a reader, an error on it must not end the emulator.
      socket.on('error', (error) => log.debug('websocket connection failed', { error: error.message }));
      void serveRealtime({ req, socket, head }, depsFor(req, connection), notices, () => {
        const route = routeFor(req, connection);
        return { route, caller: admit(req, route, connection, rules, checkOrigin(req, route, rules)) };
      });
    },
    dispose: () => files.dispose(),
  };
}

function routeFor(req: IncomingMessage, connection: ConnectionContext): Route {
  const route = routeOf({
    hostHeader: req.headers.host ?? '',
    url: req.url ?? '/',
    tls: connection.tls,
    remote: connection.remote,
  });
  // A site's proxy route calls by production names, and a page stands behind it whose browser is led nowhere: it gets file URLs
  // that it can open. Source of the header: @fal-ai/server-proxy.
  return req.headers['x-fal-client-proxy'] === undefined ? route : { ...route, form: 'local' };
}

/** For a log: a query may hold a token (`fal_jwt_token`), however it is spelled. */
const pathOf = (req: IncomingMessage): string => (req.url ?? '/').replace(/\?.*$/s, '');

function fail(req: IncomingMessage, res: ServerResponse, failure: HttpFailure, log: Log): void {
  if (res.destroyed || res.writableEnded) {
    // The client left before the answer: nobody is there to be told.
    log.debug('a call ended without its client', { path: pathOf(req), error: failure.message });
    return;
  }
  if (failure.error.kind === 'system') {
    log.error('a call failed inside the emulator', {
      path: pathOf(req),
      error: failure.error.stack ?? failure.message,
    });
  }
  if (!res.headersSent && !res.hasHeader('x-fal-request-id')) res.setHeader('x-fal-request-id', randomUUID());
  sendFailure(res, failure);
  // What is left of a refused body is read and thrown away, so that the client gets to read its answer.
  if (!req.complete) req.resume();
}
