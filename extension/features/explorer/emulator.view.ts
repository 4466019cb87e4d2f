import * as vscode from 'vscode';
import type { Status } from '../../../emulator/contract/index.ts';
import type { Emulators } from '../emulator/emulators.ts';

interface Row {
  label: string;
  description: string;
  icon: string;
  context?: string;
}

/** The *Emulator* view: where it listens, what it runs on, how much waits. */
export class EmulatorView implements vscode.TreeDataProvider<Row>, vscode.Disposable {
  private readonly emulators: Emulators;
  private readonly changed = new vscode.EventEmitter<void>();
  private readonly subscription: vscode.Disposable;

  readonly onDidChangeTreeData = this.changed.event;

  constructor(emulators: Emulators) {
    this.emulators = emulators;
    this.subscription = emulators.onDidChange(() => this.changed.fire());
  }

  getChildren(row?: Row): Row[] {
    if (row) return [];
    return this.emulators.all.flatMap(({ status, workspace }) => (status ? rows(status, workspace) : []));
  }

  getTreeItem(row: Row): vscode.TreeItem {
    const item = new vscode.TreeItem(row.label, vscode.TreeItemCollapsibleState.None);
    item.description = row.description;
    item.iconPath = new vscode.ThemeIcon(row.icon);
    item.tooltip = `${row.label}: ${row.description}`;
    if (row.context !== undefined) item.contextValue = row.context;
    return item;
  }

  dispose(): void {
    this.subscription.dispose();
    this.changed.dispose();
  }
}

function rows(status: Status, workspace: string): Row[] {
  const queued = status.apps.reduce((sum, app) => sum + app.queued, 0);
  const running = status.apps.reduce((sum, app) => sum + app.running, 0);
  const engines = [...new Set(status.apps.map(({ engine }) => engine))].join(', ');
  return [
    { label: vscode.l10n.t('Address'), description: status.url, icon: 'globe', context: 'emulator.address' },
    { label: vscode.l10n.t('Workspace'), description: workspace, icon: 'folder' },
    {
      label: vscode.l10n.t('Engine'),
      description: engines || vscode.l10n.t('none in use'),
      icon: 'server-environment',
    },
    {
      label: vscode.l10n.t('Requests'),
      description: vscode.l10n.t('{0} queued, {1} running', queued, running),
      icon: 'list-ordered',
    },
    { label: vscode.l10n.t('Version'), description: `${status.version} (pid ${status.pid})`, icon: 'versions' },
  ];
}
