/** The SDK that apps get when the workspace has none of its own; the suites run against it. */
export const FAL_PIN = '1.83.0';

/** The debugger for apps that are started under one; its adapter speaks the Debug Adapter Protocol. */
export const DEBUGPY_PIN = '1.8.22';

/** Versions of the packages that the SDK pins to those of the deploying client, where the workspace has them. */
export interface ClientVersions {
  fal: string;
  fastapi?: string | undefined;
  pydantic?: string | undefined;
  tblib?: string | undefined;
}

/** Packages whose client version matters, for a query of the workspace's Python. */
export const CLIENT_PACKAGES = ['fal', 'fastapi', 'pydantic', 'tblib'] as const;

// SERVE_REQUIREMENTS and REALTIME_APP_REQUIREMENTS of fal 1.83 (api/api.py, app.py). The realtime pair goes in always: fal
// itself needs both, and an environment then serves an app before and after it gains a realtime endpoint.
const UNPINNED = [
  'uvicorn',
  'starlette_exporter',
  'packaging',
  'structlog',
  'tomli',
  'tomli-w',
  'httpx>=0.20',
  'websockets',
  'msgpack',
];

const NAME = /^\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)/;

/** Normalised project name of a requirement, null for options, paths and URLs. Source: PEP 503, PEP 508. */
export function requirementName(requirement: string): string | null {
  if (/^\s*(-|\.|\/|~|[a-z+]+:\/\/)/i.test(requirement)) return null;
  const name = NAME.exec(requirement)?.[1];
  return name === undefined ? null : name.replace(/[-_.]+/g, '-').toLowerCase();
}

/**
 * The layers to install: the author's, with what the SDK's deploy adds. As `Options.add_requirements` does it, one layer
 * is resolved together with the additions, several get one more at the end. An author's own pin of fal stays theirs.
 */
export function withServeRequirements(
  layers: readonly (readonly string[])[],
  client: ClientVersions | null,
): string[][] {
  const pinned = (name: 'fastapi' | 'pydantic' | 'tblib') => (client?.[name] ? `${name}==${client[name]}` : name);
  const serve = [pinned('fastapi'), pinned('pydantic'), pinned('tblib'), ...UNPINNED];
  const namesFal = layers.some((layer) => layer.some((requirement) => requirementName(requirement) === 'fal'));
  // In production fal comes with the agent, beside the app's packages; here it must be among them.
  const additions = namesFal ? serve : [`fal==${client?.fal ?? FAL_PIN}`, ...serve];
  if (layers.length <= 1) return [[...(layers[0] ?? []), ...additions]];
  return [...layers.map((layer) => [...layer]), additions];
}

/** What fal's agent has beside an uploaded app, unpinned: pickles refer to it, and no pin of the author's stands against it. */
const AGENT = ['isolate', 'cloudpickle', 'grpcio', 'tblib'];

/** The layers of an uploaded app with what the agent brings: resolved with a single layer, after several. */
export function withAgentRequirements(layers: readonly (readonly string[])[]): string[][] {
  if (layers.length <= 1) return [[...(layers[0] ?? []), ...AGENT]];
  return [...layers.map((layer) => [...layer]), AGENT];
}
