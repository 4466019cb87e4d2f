import type { IncomingMessage } from 'node:http';
import { WindtunnelError } from '../../contract/index.ts';
import { hostName, isLoopbackName } from '../hosts.ts';
import type { ConnectionContext } from '../port/connections.ts';
import type { Route } from '../route.ts';
import type { Identity, Keys } from './keys.ts';
import { type Claims, opensApp, type TokenSigner } from './tokens.ts';

/** Who calls, after the rules of design §3 "One public port" let them in. */
export interface Caller {
  /** Null for a call that carries no key, which is fine from this machine without a web page. */
  identity: Identity | null;
  /** The web page's origin that gets CORS headers. */
  origin: string | null;
  /** A token was given that is not valid: only a WebSocket answers this itself (`Unauthorized` frame). */
  badToken: boolean;
}

export interface AccessRules {
  keys: Keys;
  tokens: TokenSigner;
  /** Origins of web pages that windtunnel.jsonc lets in, beside loopback ones. */
  allowedOrigins: ReadonlySet<string>;
  /** `requireKey` of windtunnel.jsonc: nobody is let in without a key, but an app through its own tunnel. */
  requireKey: boolean;
}

/** The origin of the page that calls, null without one; throws E_FOREIGN_ORIGIN for a page that may not. */
export function checkOrigin(req: IncomingMessage, route: Route, rules: AccessRules): string | null {
  const { origin } = req.headers;
  if (origin !== undefined) return allowedOrigin(origin, rules);
  // A page elsewhere can make a browser send a GET without Origin (an <img>, a link): only the fetch metadata shows it.
  if (req.headers['sec-fetch-site'] === 'cross-site' && !isReadable(req, route)) throw foreignOrigin('another site');
  return null;
}

/** Lets a call in, or throws E_UNAUTHORIZED. `origin` as `checkOrigin` returned it. */
export function admit(
  req: IncomingMessage,
  route: Route,
  connection: ConnectionContext,
  rules: AccessRules,
  origin: string | null,
): Caller {
  const nobody: Caller = { identity: null, origin, badToken: false };
  const requireKey = rules.requireKey || connection.remote !== undefined;
  // What stands in front of fal here adds its own key, as a server's proxy route does: the page has none to give.
  if (route.service === 'proxy' && !requireKey) return nobody;
  if (isCapability(req, route)) return { ...nobody, identity: readerOf(req, route, rules) };

  const { authorization } = req.headers;
  if (authorization !== undefined) {
    const identity = identityOf(authorization, rules, route);
    if (identity === null) throw unauthorized('The key is not a key of this emulator.');
    return { identity, origin, badToken: false };
  }
  const token = queryToken(route.query);
  if (token !== null) {
    const claims = rules.tokens.verify(token);
    const opened = claims !== null && opensRoute(claims, route);
    if (opened) return { identity: { kind: 'exec', user: claims.sub }, origin, badToken: false };
    if (req.headers.upgrade !== undefined) return { identity: null, origin, badToken: true };
    throw unauthorized('The token is not valid for this app, or it has ended.');
  }
  if ((origin !== null || requireKey) && connection.identity === undefined) {
    if (req.headers.upgrade !== undefined) return { identity: null, origin, badToken: true };
    if (connection.remote) {
      throw new WindtunnelError('E_UNAUTHORIZED', 'A call from another machine needs a key.', {
        hint: 'Whoever runs this emulator makes one: `windtunnel exec -- fal keys create`.',
      });
    }
    if (rules.requireKey) throw unauthorized('Every call needs a key here: windtunnel.jsonc says "requireKey".', '');
    throw unauthorized('A call from a web page needs a key.');
  }
  return nobody;
}

/** What answers without a key to whoever has its address: CDN files and upload addresses are unguessable. */
function isCapability(req: IncomingMessage, route: Route): boolean {
  if (route.service === 'health') return true;
  if (route.service === 'rest') return route.path === '/.well-known/jwks.json';
  return route.service === 'cdn' && (isReadable(req, route) || route.path.startsWith('/files/uploads/'));
}

/** Whose key stands beside a URL that would do without: the ACL of a file may ask for it. */
function readerOf({ headers }: IncomingMessage, route: Route, rules: AccessRules): Identity | null {
  return headers.authorization === undefined ? null : identityOf(headers.authorization, rules, route);
}

function isReadable(req: IncomingMessage, route: Route): boolean {
  return (req.method === 'GET' || req.method === 'HEAD') && route.service === 'cdn';
}

function allowedOrigin(origin: string, rules: AccessRules): string {
  if (rules.allowedOrigins.has(origin)) return origin;
  const page = /^https?:\/\/([^/?#@]+)$/i.exec(origin);
  if (page && isLoopbackName(hostName(page[1]!))) return origin;
  throw foreignOrigin(origin);
}

function identityOf(authorization: string, rules: AccessRules, route: Route): Identity | null {
  const space = authorization.indexOf(' ');
  const secret = space < 0 ? authorization : authorization.slice(space + 1).trim();
  const identity = rules.keys.verify(secret);
  if (identity !== null) return identity;
  const claims = rules.tokens.verify(secret);
  return claims !== null && opensRoute(claims, route) ? { kind: 'exec', user: claims.sub } : null;
}

function opensRoute(claims: Claims, route: Route): boolean {
  if (route.service === 'cdn' || route.service === 'kv') return claims.aud === 'cdn';
  if (route.service !== 'run' && route.service !== 'ws') return false;
  const parts = route.path.split('/').filter((part) => part !== '' && part !== 'workflows' && part !== 'comfy');
  return opensApp(claims, parts[0] ?? '', parts[1] ?? '');
}

function queryToken(query: string): string | null {
  return query.includes('fal_jwt_token=') ? new URLSearchParams(query).get('fal_jwt_token') : null;
}

function foreignOrigin(origin: string): WindtunnelError {
  return new WindtunnelError('E_FOREIGN_ORIGIN', `A web page of ${origin} may not call this emulator.`, {
    hint: 'Serve the page from localhost, or name its origin under "origins" in windtunnel.jsonc.',
  });
}

function unauthorized(message: string, orNone = ', or send no key'): WindtunnelError {
  return new WindtunnelError('E_UNAUTHORIZED', message, {
    hint: `Run the program under \`windtunnel exec\`, use the FAL_KEY that \`windtunnel env\` prints${orNone}. A real fal key is never accepted here.`,
  });
}
