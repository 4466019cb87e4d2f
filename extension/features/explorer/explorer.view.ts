import * as vscode from 'vscode';
import {
  type AppState,
  appLabel,
  appState,
  appStateText,
  appSummary,
  childNodes,
  type RequestLook,
  requestLook,
  requestLookText,
  requestSummary,
  rootNodes,
  runnerSummary,
  type TreeNode,
} from '../../core/app-tree.ts';
import { spokenRow } from '../../core/row.ts';
import type { WorkspaceApps } from './workspace-apps.ts';

const FILTER = 'apps.filter';

const APP_ICONS: Record<AppState, vscode.ThemeIcon> = {
  stopped: new vscode.ThemeIcon('circle-outline'),
  starting: new vscode.ThemeIcon('loading~spin'),
  ready: new vscode.ThemeIcon('circle-filled', new vscode.ThemeColor('testing.iconPassed')),
  busy: new vscode.ThemeIcon('pulse', new vscode.ThemeColor('testing.iconPassed')),
  idle: new vscode.ThemeIcon('circle-large-outline', new vscode.ThemeColor('testing.iconPassed')),
  failed: new vscode.ThemeIcon('error', new vscode.ThemeColor('testing.iconFailed')),
};

const REQUEST_ICONS: Record<RequestLook, vscode.ThemeIcon> = {
  waiting: new vscode.ThemeIcon('watch'),
  working: new vscode.ThemeIcon('loading~spin'),
  ok: new vscode.ThemeIcon('pass', new vscode.ThemeColor('testing.iconPassed')),
  failed: new vscode.ThemeIcon('error', new vscode.ThemeColor('testing.iconFailed')),
};

/** The *Apps* view: apps in the source, with their runners and requests while they run. */
export class ExplorerView implements vscode.TreeDataProvider<TreeNode>, vscode.Disposable {
  private readonly apps: WorkspaceApps;
  private readonly memory: vscode.Memento;
  private readonly changed = new vscode.EventEmitter<TreeNode[] | undefined>();
  private readonly tree: vscode.TreeView<TreeNode>;
  private readonly subscriptions: vscode.Disposable;
  /** Its uppermost rows, as the view has them. */
  private roots: TreeNode[] = [];

  readonly onDidChangeTreeData = this.changed.event;

  /** The filter is kept in `memory`. */
  constructor(apps: WorkspaceApps, memory: vscode.Memento) {
    this.apps = apps;
    this.memory = memory;
    this.tree = vscode.window.createTreeView('windtunnel.apps', { treeDataProvider: this });
    this.subscriptions = vscode.Disposable.from(
      this.tree,
      this.changed,
      apps.onDidChange(() => this.refresh()),
      vscode.commands.registerCommand('windtunnel.apps.filter', (given?: unknown) => this.ask(given)),
      vscode.commands.registerCommand('windtunnel.apps.clearFilter', () => this.keep('')),
    );
    this.show();
  }

  async getChildren(node?: TreeNode): Promise<TreeNode[]> {
    if (node) return childNodes(node);
    await this.apps.ready();
    this.roots = rootNodes(this.apps.list(), this.filter);
    return this.roots;
  }

  getTreeItem(node: TreeNode): vscode.TreeItem {
    const item = treeItem(node);
    item.id = node.id;
    return item;
  }

  dispose(): void {
    this.subscriptions.dispose();
  }

  private get filter(): string {
    return this.memory.get<string>(FILTER) ?? '';
  }

  /** A key binding may give the text. */
  private async ask(given: unknown): Promise<void> {
    const text =
      typeof given === 'string'
        ? given
        : await vscode.window.showInputBox({
            title: vscode.l10n.t('Filter Apps'),
            prompt: vscode.l10n.t('A part of the name, the path of the file, or an endpoint'),
            value: this.filter,
          });
    if (text !== undefined) await this.keep(text.trim());
  }

  private async keep(filter: string): Promise<void> {
    await this.memory.update(FILTER, filter);
    this.show();
    this.changed.fire(undefined);
  }

  /**
   * Asked for anew as a whole, a view forgets its rows until it has others: a click on one in that moment would be about none. So the
   * rows that stay are changed in their place.
   */
  private refresh(): void {
    const next = rootNodes(this.apps.list(), this.filter);
    const same =
      next.length > 0 && next.length === this.roots.length && next.every(({ id }, at) => id === this.roots[at]?.id);
    if (same) for (const [at, node] of next.entries()) Object.assign(this.roots[at] ?? {}, node);
    this.changed.fire(same ? this.roots : undefined);
  }

  private show(): void {
    this.tree.description = this.filter === '' ? '' : vscode.l10n.t('with "{0}"', this.filter);
    void vscode.commands.executeCommand('setContext', 'windtunnel.filtered', this.filter !== '');
  }
}

function treeItem(node: TreeNode): vscode.TreeItem {
  const { Collapsed, Expanded, None } = vscode.TreeItemCollapsibleState;
  switch (node.kind) {
    case 'app': {
      const { app } = node;
      const state = appState(app);
      const item = new vscode.TreeItem(appLabel(app), Expanded);
      item.iconPath = APP_ICONS[state];
      item.description = [app.folder, appSummary(app) || app.relativePath].filter((part) => part !== null).join(' · ');
      item.contextValue = app.live ? 'app.running' : 'app.stopped';
      item.tooltip = appTooltip(node);
      return spoken(item, appStateText(state), [appSummary(app), app.relativePath].filter(Boolean).join(', '));
    }
    case 'endpoint': {
      const { endpoint, app } = node;
      const item = new vscode.TreeItem(endpoint.path, None);
      item.iconPath = new vscode.ThemeIcon(endpoint.kind === 'http' ? 'symbol-method' : 'plug');
      item.description = endpoint.kind === 'http' ? endpoint.method : `${endpoint.method} · ${endpoint.kind}`;
      item.contextValue = app.live && endpoint.kind === 'http' ? 'endpoint.running' : 'endpoint.stopped';
      item.command = {
        command: 'windtunnel.app.openSource',
        title: vscode.l10n.t('Open Source'),
        arguments: [node],
      };
      return spoken(item, vscode.l10n.t('endpoint'));
    }
    case 'runners': {
      const item = new vscode.TreeItem(vscode.l10n.t('Runners'), Collapsed);
      item.iconPath = new vscode.ThemeIcon('server-process');
      item.description = String(node.app.live?.runners.length ?? 0);
      return spoken(item);
    }
    case 'runner': {
      const item = new vscode.TreeItem(node.runner.id.slice(0, 8), None);
      item.iconPath = new vscode.ThemeIcon('server');
      item.description = runnerSummary(node.runner);
      item.contextValue = 'runner';
      return spoken(item, vscode.l10n.t('runner'));
    }
    case 'requests': {
      const item = new vscode.TreeItem(vscode.l10n.t('Requests'), Collapsed);
      item.iconPath = new vscode.ThemeIcon('history');
      item.description = vscode.l10n.t('latest {0}', node.app.requests.length);
      return spoken(item);
    }
    case 'request': {
      const { request } = node;
      const item = new vscode.TreeItem(`${request.id.slice(0, 8)}  ${request.path}`, None);
      item.iconPath = REQUEST_ICONS[requestLook(request)];
      item.description = requestSummary(request);
      item.contextValue = 'request';
      return spoken(item, `${vscode.l10n.t('request')}, ${requestLookText(requestLook(request))}`);
    }
  }
}

/** With what a screen reader says of it: also what the icon shows alone. */
function spoken(item: vscode.TreeItem, iconText = '', description = String(item.description ?? '')): vscode.TreeItem {
  item.accessibilityInformation = { label: spokenRow({ label: String(item.label), iconText, description }) };
  return item;
}

function appTooltip({ app }: Extract<TreeNode, { kind: 'app' }>): vscode.MarkdownString {
  const { found, live } = app;
  const text = new vscode.MarkdownString();
  text.appendMarkdown(`**${appLabel(app)}** · ${appStateText(appState(app))}\n\n`);
  text.appendMarkdown(`\`${app.relativePath}::${found.symbol}\`\n\n`);
  text.appendMarkdown(`${vscode.l10n.t('Machine type')}: \`${found.settings.machineTypes.join(', ')}\`\n\n`);
  if (live) text.appendMarkdown(`${vscode.l10n.t('Engine')}: \`${live.engine}\`\n\n`);
  if (live?.lastError) text.appendText(live.lastError.message);
  return text;
}
