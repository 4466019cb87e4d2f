/** An endpoint id of the clients: `[workflows|comfy/]owner/alias[/path…]`. */
export interface EndpointId {
  namespace: 'workflows' | 'comfy' | null;
  owner: string;
  alias: string;
  /** `[namespace/]owner/alias` as written: what URLs of a request are built from. */
  prefix: string;
  /** Path below the app, starting with `/`. */
  path: string;
}

const SEGMENT = /^[A-Za-z0-9_.~@-]+$/;
// Ids from before owners had names: `123-app` alone means `123/app`, while `42-crew/app` has an owner of that look.
// Source: fal-js `utils.ts` ensureEndpointIdFormat.
const LEGACY = /^(\d+)-([A-Za-z0-9_.~@-]+)$/;

/** Parses the path of a run or queue URL; null where it can't name an app. */
export function parseEndpointPath(path: string): EndpointId | null {
  let at = 1;
  const next = (): string => {
    const end = path.indexOf('/', at);
    const segment = end < 0 ? path.slice(at) : path.slice(at, end);
    at = end < 0 ? path.length : end + 1;
    return segment;
  };
  let owner = next();
  let namespace: EndpointId['namespace'] = null;
  if (owner === 'workflows' || owner === 'comfy') {
    namespace = owner;
    owner = next();
  }
  let alias: string;
  const legacy = LEGACY.exec(owner);
  if (legacy && (at >= path.length || path.startsWith('requests/', at))) {
    owner = legacy[1]!;
    alias = legacy[2]!;
  } else {
    alias = next();
  }
  if (!isName(owner) || !isName(alias)) return null;
  const name = `${owner}/${alias}`;
  return {
    namespace,
    owner,
    alias,
    prefix: namespace === null ? name : `${namespace}/${name}`,
    path: `/${path.slice(at)}`,
  };
}

function isName(segment: string): boolean {
  return SEGMENT.test(segment) && segment !== '.' && segment !== '..';
}
