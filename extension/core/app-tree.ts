import type { AppStatus, FoundApp, FoundEndpoint } from '../../emulator/contract/index.ts';
import type { LiveRequest } from './live-requests.ts';

/** An app in the workspace's source, and the live one that was started from it. */
export interface KnownApp {
  found: FoundApp;
  /** Name of the workspace folder, null where there is only one. */
  folder: string | null;
  /** Path below its folder. */
  relativePath: string;
  /** Null while it does not run here. */
  live: AppStatus | null;
  requests: LiveRequest[];
}

type RunnerStatus = AppStatus['runners'][number];

export type TreeNode =
  | { kind: 'app'; id: string; app: KnownApp }
  | { kind: 'endpoint'; id: string; app: KnownApp; endpoint: FoundEndpoint }
  | { kind: 'runners'; id: string; app: KnownApp }
  | { kind: 'runner'; id: string; app: KnownApp; runner: RunnerStatus }
  | { kind: 'requests'; id: string; app: KnownApp }
  | { kind: 'request'; id: string; app: KnownApp; request: LiveRequest };

/** How an app stands, in one word for menus, icons and screen readers. */
export type AppState = 'stopped' | 'failed' | 'starting' | 'ready' | 'busy' | 'idle';

/** `idle`: it is served, and no runner lives until the next request. */
export function appState({ live }: KnownApp): AppState {
  if (!live) return 'stopped';
  const states = live.runners.map(({ state }) => state);
  if (states.includes('RUNNING')) return 'busy';
  if (states.includes('IDLE')) return 'ready';
  if (states.some((state) => state === 'PENDING' || state === 'DOCKER_PULL' || state === 'SETUP')) return 'starting';
  return live.lastError ? 'failed' : 'idle';
}

const key = ({ found }: KnownApp): string => `${found.file}::${found.symbol}`;

/** Apps by folder, file and place in it; with a filter those alone that have it in their name, path or an endpoint. */
export function rootNodes(apps: readonly KnownApp[], filter = ''): TreeNode[] {
  return apps
    .filter((app) => filterText(app).includes(filter.toLowerCase()))
    .toSorted(
      (a, b) =>
        (a.folder ?? '').localeCompare(b.folder ?? '') ||
        a.relativePath.localeCompare(b.relativePath) ||
        a.found.lines.start - b.found.lines.start,
    )
    .map((app) => ({ kind: 'app', id: key(app), app }));
}

const filterText = (app: KnownApp): string =>
  [appLabel(app), app.relativePath, ...app.found.endpoints.map(({ path }) => path)].join('\n').toLowerCase();

export function childNodes(node: TreeNode): TreeNode[] {
  const { app, id } = node;
  switch (node.kind) {
    case 'app': {
      const endpoints = app.found.endpoints.map(
        (endpoint): TreeNode => ({ kind: 'endpoint', id: `${id}#${endpoint.method}`, app, endpoint }),
      );
      const runners: TreeNode[] = app.live?.runners.length ? [{ kind: 'runners', id: `${id}#runners`, app }] : [];
      const requests: TreeNode[] = app.requests.length > 0 ? [{ kind: 'requests', id: `${id}#requests`, app }] : [];
      return [...endpoints, ...runners, ...requests];
    }
    case 'runners':
      return (app.live?.runners ?? []).map((runner) => ({ kind: 'runner', id: `${id}#${runner.id}`, app, runner }));
    case 'requests':
      return app.requests.map((request) => ({ kind: 'request', id: `${id}#${request.id}`, app, request }));
    default:
      return [];
  }
}

/** Name of an app as the user knows it; one whose name is no literal shows its class. */
export const appLabel = ({ found, live }: KnownApp): string => live?.id ?? (found.name || found.symbol);

/** `1 running · 3 queued · 2 runners`, what is zero left out. */
export function appSummary(app: KnownApp): string {
  const { live } = app;
  if (!live) return '';
  const counts: [number, string][] = [
    [live.running, 'running'],
    [live.queued, 'queued'],
    [live.runners.length, live.runners.length === 1 ? 'runner' : 'runners'],
  ];
  return counts
    .filter(([count]) => count > 0)
    .map(([count, what]) => `${count} ${what}`)
    .join(' · ');
}

/** `SETUP` while it starts, `RUNNING 1/4` while it serves, with the memory and the GPUs that it holds. */
export function runnerSummary(runner: RunnerStatus): string {
  const phase = runner.phase && runner.phase !== 'ready' ? ` (${runner.phase})` : '';
  const slots = runner.slots > 1 || runner.inFlight > 0 ? ` ${runner.inFlight}/${runner.slots}` : '';
  const memory = runner.memoryBytes === null ? '' : ` · ${Math.round(runner.memoryBytes / 2 ** 20)} MB`;
  const gpus = runner.gpus.length === 0 ? '' : ` · GPU ${runner.gpus.join(', ')}`;
  return `${runner.state}${phase}${slots}${memory}${gpus}`;
}

export type RequestLook = 'waiting' | 'working' | 'ok' | 'failed';

export function requestLook({ state, status }: LiveRequest): RequestLook {
  if (state === 'IN_QUEUE') return 'waiting';
  if (state === 'IN_PROGRESS') return 'working';
  return status !== null && status >= 200 && status < 400 ? 'ok' : 'failed';
}

/** `200 · 1.24 s`, `IN_QUEUE`, `IN_PROGRESS · attempt 2`. */
export function requestSummary(request: LiveRequest): string {
  const { state, status, seconds, attempt } = request;
  const parts = [
    state === 'COMPLETED' ? (status === 0 ? 'no answer' : String(status ?? 'failed')) : state,
    ...(attempt > 1 ? [`attempt ${attempt}`] : []),
    ...(seconds === null ? [] : [`${seconds.toFixed(seconds < 10 ? 2 : 1)} s`]),
    ...(request.kind === 'direct' ? ['direct'] : []),
  ];
  return parts.join(' · ');
}
