import * as l10n from '@vscode/l10n';
import type { AppId, AppStatus, DoctorCheck, Holdings, Status } from '../../emulator/contract/index.ts';
import {
  appState,
  appStateText,
  requestLook,
  requestLookText,
  requestSummary,
  runnerSummary,
  runnersText,
} from './app-tree.ts';
import type { LiveRequest } from './live-requests.ts';

/** One line of the views that show what there is and not what the source says. */
export interface Row {
  id: string;
  label: string;
  description?: string;
  /** Id of a product icon. */
  icon: string;
  /** Colour of the icon, by what it says. */
  tone?: 'good' | 'bad' | 'warning';
  /** What icon and colour say, in words, for who does not see them; empty where the label says as much. */
  iconText: string;
  tooltip?: string;
  /** For menus: what can be done with it. */
  context?: string;
  children?: Row[];
  expanded?: boolean;
  /** What *Copy* takes. */
  copy?: string;
  /** Of a runner, a request or an app in an emulator: which one, and the folder of its emulator. */
  at?: { workspace: string; runner?: string; request?: string; app?: AppId };
}

export const isRow = (argument: unknown): argument is Row =>
  typeof argument === 'object' && argument !== null && 'label' in argument && 'icon' in argument;

/** A row as a screen reader says it: what it is called, what its icon says, what stands beside it. */
export const spokenRow = ({ label, iconText, description }: Pick<Row, 'label' | 'iconText' | 'description'>): string =>
  [label, iconText, description ?? ''].filter(Boolean).join(', ').replaceAll(' · ', ', ').replace(/\s+/g, ' ');

/** Where deployed apps say that they have no file. Source: `emulator/controller/deployments/app-definition.ts`. */
const DEPLOYED = '(deployed)';

/** Apps that `fal deploy` put into an emulator, with their revision, runners and requests. */
export function deployedRows(status: Status, workspace: string, requests: (app: AppId) => LiveRequest[]): Row[] {
  return status.apps
    .filter(({ file }) => file === DEPLOYED)
    .map((app) => deployedRow(app, workspace, requests(app.id)));
}

function deployedRow(app: AppStatus, workspace: string, requests: readonly LiveRequest[]): Row {
  const state = appState({ live: app });
  return {
    id: app.id,
    label: app.id,
    description: app.lastError
      ? app.lastError.message
      : [l10n.t('{0} queued', app.queued), l10n.t('{0} running', app.running)].join(' · '),
    icon: app.lastError ? 'error' : state === 'busy' ? 'pulse' : 'package',
    iconText: appStateText(app.lastError ? 'failed' : state),
    ...(app.lastError ? { tone: 'bad' as const } : {}),
    context: 'deployed.app',
    at: { workspace, app: app.id },
    copy: app.id,
    expanded: true,
    children: [
      {
        id: `${app.id}#revision`,
        label: app.revision,
        description: app.engine,
        icon: 'git-commit',
        iconText: l10n.t('revision'),
        copy: app.revision,
        context: 'copy',
      },
      ...app.runners.map(
        (runner): Row => ({
          id: `${app.id}#${runner.id}`,
          label: runner.id.slice(0, 8),
          description: runnerSummary(runner),
          icon: 'server',
          iconText: l10n.t('runner'),
          context: 'runner',
          copy: runner.id,
          at: { workspace, runner: runner.id },
        }),
      ),
      ...requests.map(
        (request): Row => ({
          id: `${app.id}#${request.id}`,
          label: `${request.id.slice(0, 8)}  ${request.path}`,
          description: requestSummary(request),
          icon: { waiting: 'watch', working: 'loading~spin', ok: 'pass', failed: 'error' }[requestLook(request)],
          iconText: `${l10n.t('request')}, ${requestLookText(requestLook(request))}`,
          ...(requestLook(request) === 'failed' ? { tone: 'bad' as const } : {}),
          context: 'request',
          copy: request.id,
          at: { workspace, request: request.id },
        }),
      ),
    ],
  };
}

/** What the account at fal holds in an environment (empty: the usual one): apps with revisions and runners, then names of secrets. */
export function remoteRows({ account, user, apps, secrets }: Holdings, environment = ''): Row[] {
  const from = [environment, account.profile ?? ''].filter((part) => part !== '').map((part) => ` · ${part}`);
  return [
    {
      id: 'account',
      label: user,
      description: `${account.host}${from.join('')}`,
      icon: 'account',
      iconText: l10n.t('account'),
      copy: user,
      context: 'copy',
    },
    ...apps.map(
      ({ alias, revision, auth, machines, revisions, runners }): Row => ({
        id: `app#${alias}`,
        label: `${user}/${alias}`,
        description: [machines.join(', '), auth, runnersText(runners.length)].join(' · '),
        icon: 'cloud',
        iconText: l10n.t('app at fal'),
        ...(runners.length > 0 ? { tone: 'good' as const } : {}),
        context: 'copy',
        copy: `https://${account.runHost}/${user}/${alias}`,
        children: [
          ...revisions.map(
            ({ id, createdAt }): Row => ({
              id: `revision#${alias}#${id}`,
              label: id.slice(0, 8),
              tooltip: id,
              description: `${id === revision ? `${l10n.t('serves')} · ` : ''}${createdAt.slice(0, 16).replace('T', ' ')}`,
              icon: id === revision ? 'git-commit' : 'history',
              iconText: id === revision ? l10n.t('revision') : l10n.t('earlier revision'),
              copy: id,
              context: 'copy',
            }),
          ),
          ...runners.map(
            ({ id, state, machine, inFlight }): Row => ({
              id: `runner#${id}`,
              label: id.slice(0, 8),
              description: `${state} · ${machine} · ${l10n.t('{0} in flight', inFlight)}`,
              icon: 'server',
              iconText: l10n.t('runner'),
              copy: id,
              context: 'copy',
            }),
          ),
        ],
      }),
    ),
    {
      id: 'secrets',
      label: l10n.t('Secrets'),
      description: String(secrets.length),
      icon: 'key',
      iconText: '',
      children: secrets.map((name) => ({
        id: `secret#${name}`,
        label: name,
        icon: 'key',
        iconText: l10n.t('secret'),
        copy: name,
        context: 'copy',
      })),
    },
  ];
}

/** Characters of a row inside of another that a side bar of the usual width shows. */
const ROW_WIDTH = 34;

/** What `windtunnel doctor` found, what is to be mended with its whole reason and its fix below it, in rows that fit. */
export function doctorRows(checks: readonly DoctorCheck[]): Row[] {
  const looks = {
    ok: ['pass', 'good', l10n.t('passed')],
    warn: ['warning', 'warning', l10n.t('warning')],
    fail: ['error', 'bad', l10n.t('failed')],
  } as const;
  return checks.map(({ name, state, reason, fix }, index) => {
    const [icon, tone, iconText] = looks[state];
    const cut = state !== 'ok' && name.length + reason.length > ROW_WIDTH;
    const children = [
      ...(cut ? textRows(`${index}#reason`, reason, 'info', l10n.t('reason')) : []),
      ...(fix === null ? [] : textRows(`${index}#fix`, fix, 'lightbulb', l10n.t('what mends it'))),
    ];
    return {
      id: `${index}#${name}`,
      label: name,
      description: reason,
      icon,
      tone,
      iconText,
      tooltip: [reason, ...(fix === null ? [] : [fix])].join('\n'),
      context: 'copy',
      copy: reason,
      ...(children.length > 0 ? { children, expanded: true } : {}),
    };
  });
}

/** A sentence in as many rows as it takes; copied and shown on hover as a whole. */
function textRows(id: string, text: string, icon: string, iconText: string): Row[] {
  return lines(text).map((label, index) => ({
    ...{ id: `${id}#${index}`, label, tooltip: text, copy: text, context: 'copy' },
    ...(index === 0 ? { icon, iconText } : { icon: 'blank', iconText: '' }),
  }));
}

function lines(text: string): string[] {
  const made: string[] = [];
  for (const word of text.split(' ')) {
    const longer = `${made.at(-1) ?? ''} ${word}`;
    if (made.length > 0 && longer.length <= ROW_WIDTH) made[made.length - 1] = longer;
    else made.push(word);
  }
  return made;
}
