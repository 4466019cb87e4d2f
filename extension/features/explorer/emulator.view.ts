import * as vscode from 'vscode';
import type { Status } from '../../../emulator/contract/index.ts';
import { deployedRows, type Row } from '../../core/row.ts';
import type { Emulators } from '../emulator/emulators.ts';
import { RowsView } from '../rows/rows.view.ts';

/** The views *Deployed Here* and *Emulator*: what the emulators of this window serve besides its source, and on what. */
export function registerEmulatorViews(emulators: Emulators): vscode.Disposable {
  const deployed = new RowsView('windtunnel.deployed', () =>
    emulators.all.flatMap(({ status, workspace, requests }) =>
      status ? deployedRows(status, workspace, (app) => requests.of(app)) : [],
    ),
  );
  const emulator = new RowsView('windtunnel.emulator', () =>
    emulators.all.flatMap(({ status, workspace }) => (status ? emulatorRows(status, workspace) : [])),
  );
  const changed = emulators.onDidChange(() => {
    deployed.refresh();
    emulator.refresh();
  });
  return vscode.Disposable.from(deployed, emulator, changed);
}

function emulatorRows(status: Status, workspace: string): Row[] {
  const queued = status.apps.reduce((sum, app) => sum + app.queued, 0);
  const running = status.apps.reduce((sum, app) => sum + app.running, 0);
  const engines = [...new Set(status.apps.map(({ engine }) => engine))].join(', ');
  const row = (id: string, label: string, description: string, icon: string, context = 'copy'): Row => {
    return { id: `${workspace}#${id}`, label, description, icon, iconText: '', context, copy: description };
  };
  return [
    row('address', vscode.l10n.t('Address'), status.url, 'globe', 'emulator.address'),
    row('workspace', vscode.l10n.t('Workspace'), workspace, 'folder'),
    row(
      'engine',
      vscode.l10n.t('Engine'),
      engines || vscode.l10n.t('none in use'),
      'server-environment',
      'emulator.engine',
    ),
    ...(status.gpus.length === 0 ? [row('gpu', 'GPU', vscode.l10n.t('none: apps run on the CPU'), 'chip')] : []),
    ...status.gpus.map(({ id, name, vramBytes, runners }) => {
      const size = vramBytes === null ? '' : ` · ${Math.round(vramBytes / 2 ** 30)} GiB`;
      const held = runners.length === 0 ? vscode.l10n.t('free') : runners.map((one) => one.slice(0, 8)).join(', ');
      return row(`gpu ${id}`, `GPU ${id}`, `${name}${size} · ${held}`, 'chip');
    }),
    row(
      'requests',
      vscode.l10n.t('Requests'),
      vscode.l10n.t('{0} queued, {1} running', queued, running),
      'list-ordered',
    ),
    row('version', vscode.l10n.t('Version'), `${status.version} (pid ${status.pid})`, 'versions'),
  ];
}
