import * as l10n from '@vscode/l10n';
import type { AppStatus, FoundApp, FoundEndpoint } from '../../emulator/contract/index.ts';
import type { LiveRequest } from './live-requests.ts';
import { phaseText } from './start-step.ts';

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
export function appState({ live }: { live: AppStatus | null }): AppState {
  if (!live) return 'stopped';
  const states = live.runners.map(({ state }) => state);
  if (states.includes('RUNNING')) return 'busy';
  if (states.includes('IDLE')) return 'ready';
  if (states.some((state) => state === 'PENDING' || state === 'DOCKER_PULL' || state === 'SETUP')) return 'starting';
  return live.lastError ? 'failed' : 'idle';
}

export function appStateText(state: AppState): string {
  const words: Record<AppState, string> = {
    stopped: l10n.t('not running'),
    starting: l10n.t('starting'),
    ready: l10n.t('ready'),
    busy: l10n.t('working'),
    idle: l10n.t('served, no runner alive'),
    failed: l10n.t('failed'),
  };
  return words[state];
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
export function appSummary({ live }: { live: AppStatus | null }): string {
  if (!live) return '';
  const { running, queued, runners } = live;
  return [
    ...(running > 0 ? [l10n.t('{0} running', running)] : []),
    ...(queued > 0 ? [l10n.t('{0} queued', queued)] : []),
    ...(runners.length > 0 ? [runnersText(runners.length)] : []),
  ].join(' · ');
}

export const runnersText = (count: number): string => (count === 1 ? l10n.t('1 runner') : l10n.t('{0} runners', count));

/** `SETUP` while it starts, `RUNNING 1/4` while it serves, with the memory and the GPUs that it holds. */
export function runnerSummary(runner: RunnerStatus): string {
  const phase = runner.phase && runner.phase !== 'ready' ? ` (${phaseText(runner.phase)})` : '';
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

export function requestLookText(look: RequestLook): string {
  const words: Record<RequestLook, string> = {
    waiting: l10n.t('queued'),
    working: l10n.t('working'),
    ok: l10n.t('done'),
    failed: l10n.t('failed'),
  };
  return words[look];
}

/** `200 · 1.24 s`, `IN_QUEUE`, `IN_PROGRESS · attempt 2`. */
export function requestSummary(request: LiveRequest): string {
  const { state, status, seconds, attempt } = request;
  const parts = [
    state === 'COMPLETED' ? (status === 0 ? l10n.t('no answer') : String(status ?? l10n.t('failed'))) : state,
    ...(attempt > 1 ? [l10n.t('attempt {0}', attempt)] : []),
    ...(seconds === null ? [] : [`${seconds.toFixed(seconds < 10 ? 2 : 1)} s`]),
    ...(request.kind === 'direct' ? [l10n.t('direct')] : []),
  ];
  return parts.join(' · ');
}
