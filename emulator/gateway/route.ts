import { WindtunnelError } from '../contract/index.ts';
import { hostName, isLoopbackName, productionService, type Service } from './hosts.ts';

/** Where a request goes, read from its host and path alone. */
export interface Route {
  service: Service;
  /** Path below the service's base, starting with `/`, percent-encoding untouched. */
  path: string;
  /** `''` or `?…`. */
  query: string;
  /** The service's base URL as the caller wrote it: what URLs in answers are built from. */
  base: string;
  /** File URLs in answers: production names for callers that use them, else loopback ones (design §3 "File URLs"). */
  form: 'production' | 'local';
  host: string;
}

export interface RouteInput {
  hostHeader: string;
  /** Request target: origin form or absolute form. */
  url: string;
  tls: boolean;
  /** Host names that are served to other machines, where the request came from one. */
  remote?: ReadonlySet<string> | undefined;
}

/** Path prefixes of the loopback form. Everything else is `/<owner>/<app>`, a direct run. */
const PREFIXES: Readonly<Record<string, Service>> = {
  run: 'run',
  queue: 'queue',
  rest: 'rest',
  kv: 'kv',
  ws: 'ws',
};
/** First segments that are a service's own path, kept in `path`. */
const ROOTS: Readonly<Record<string, Service>> = {
  files: 'cdn',
  storage: 'rest',
  tokens: 'rest',
  '.well-known': 'rest',
  users: 'rest',
  applications: 'rest',
  runners: 'rest',
  logs: 'rest',
};
/** What of `/files` is the administration's, and not the local CDN's. */
const ADMIN_FILES = /^\/files\/(?:missing_hashes|app\/multipart|list|file|rename|dir)(?:\/|$)/;

/** The route of a request; throws E_FOREIGN_HOST for a host that is neither fal's nor this machine's. */
export function routeOf(input: RouteInput): Route {
  let { hostHeader, url } = input;
  let scheme = input.tls ? 'https' : 'http';
  if (!url.startsWith('/')) {
    const absolute = /^(https?):\/\/([^/?#]+)([^#]*)/i.exec(url);
    if (absolute) {
      scheme = absolute[1]!.toLowerCase();
      hostHeader = absolute[2]!;
      url = absolute[3]!.startsWith('/') ? absolute[3]! : `/${absolute[3]}`;
    } else url = `/${url}`;
  }
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const query = mark < 0 ? '' : url.slice(mark);
  const host = hostName(hostHeader);
  const origin = `${scheme}://${hostHeader}`;

  const service = productionService(host);
  if (service !== null) return { service, path, query, base: origin, form: 'production', host };
  if (!isLoopbackName(host) && !input.remote?.has(host)) {
    throw new WindtunnelError('E_FOREIGN_HOST', `The host ${JSON.stringify(host)} is not served here.`, {
      hint: 'Use http://127.0.0.1 or http://localhost with the port that `windtunnel ps` shows.',
    });
  }
  return localRoute(path, query, origin, host);
}

function localRoute(path: string, query: string, origin: string, host: string): Route {
  const end = path.indexOf('/', 1);
  const first = path.slice(1, end < 0 ? undefined : end);
  const rest = end < 0 ? '/' : path.slice(end);
  const local = { query, form: 'local', host } as const;

  if (first === '' || path === '/health') return { ...local, service: 'health', path, base: origin };
  if (path === '/api/fal/proxy' || path === '/api/fal/proxy/')
    return { ...local, service: 'proxy', path, base: origin };
  if (first === '_h') {
    const slash = rest.indexOf('/', 1);
    const target = hostName(rest.slice(1, slash < 0 ? undefined : slash));
    const service = productionService(target) ?? 'unknown';
    return {
      ...local,
      service,
      path: slash < 0 ? '/' : rest.slice(slash),
      base: `${origin}/_h/${target}`,
      host: target,
    };
  }
  if (Object.hasOwn(PREFIXES, first)) {
    return { ...local, service: PREFIXES[first]!, path: rest, base: `${origin}/${first}` };
  }
  if (ADMIN_FILES.test(path)) return { ...local, service: 'rest', path, base: origin };
  if (Object.hasOwn(ROOTS, first)) return { ...local, service: ROOTS[first]!, path, base: origin };
  return { ...local, service: 'run', path, base: origin };
}

/** The route that a proxied call means (`x-fal-target-url`), or null when its target is not fal's. */
export function routeOfTarget(target: string): Route | null {
  const parsed = /^https:\/\/([^/?#@\\]+)((?:[/?][^#]*)?)(?:#.*)?$/i.exec(target);
  if (!parsed) return null;
  const host = hostName(parsed[1]!);
  const service = productionService(host);
  if (service === null) return null;
  const url = parsed[2]!.startsWith('/') ? parsed[2]! : `/${parsed[2]}`;
  const mark = url.indexOf('?');
  return {
    service,
    path: mark < 0 ? url : url.slice(0, mark),
    query: mark < 0 ? '' : url.slice(mark),
    base: `https://${host}`,
    form: 'local',
    host,
  };
}
