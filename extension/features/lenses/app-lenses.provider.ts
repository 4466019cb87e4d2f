import * as vscode from 'vscode';
import type { WorkspaceApps } from '../explorer/workspace-apps.ts';

/** Run · Debug · Call over each app and endpoint, named with where they run. */
export class AppLenses implements vscode.CodeLensProvider, vscode.Disposable {
  private readonly apps: WorkspaceApps;
  private readonly subscriptions: vscode.Disposable;
  private readonly changed = new vscode.EventEmitter<void>();

  readonly onDidChangeCodeLenses = this.changed.event;

  constructor(apps: WorkspaceApps) {
    this.apps = apps;
    this.subscriptions = vscode.Disposable.from(
      apps.onDidChange(() => this.changed.fire()),
      vscode.workspace.onDidGrantWorkspaceTrust(() => this.changed.fire()),
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (event.affectsConfiguration('windtunnel.codeLens')) this.changed.fire();
      }),
    );
  }

  async provideCodeLenses(document: vscode.TextDocument): Promise<vscode.CodeLens[]> {
    if (!vscode.workspace.getConfiguration('windtunnel.codeLens', document.uri).get('enabled', true)) return [];
    const lenses: vscode.CodeLens[] = [];
    const trusted = vscode.workspace.isTrusted;
    for (const { found, live } of await this.apps.lookInto(document.uri.fsPath)) {
      const target = { file: found.file, symbol: found.symbol };
      const add = (line: number, title: string, command: string, ...more: unknown[]) => {
        const range = new vscode.Range(line - 1, 0, line - 1, 0);
        lenses.push(new vscode.CodeLens(range, { title, command, arguments: [target, ...more] }));
      };
      const { start } = found.lines;
      if (live) {
        add(start, vscode.l10n.t('$(debug-stop) Stop (emulator)'), 'windtunnel.app.stop');
        if (trusted) add(start, vscode.l10n.t('$(debug-restart) Restart'), 'windtunnel.app.restart');
      } else if (trusted) {
        add(start, vscode.l10n.t('$(play) Run (emulator)'), 'windtunnel.app.run');
        add(start, vscode.l10n.t('$(debug-alt) Debug (emulator)'), 'windtunnel.app.debug');
      }
      for (const endpoint of found.endpoints) {
        if (endpoint.kind === 'websocket' || endpoint.healthCheck) continue;
        add(
          endpoint.lines.start,
          vscode.l10n.t('$(zap) Call (emulator)'),
          'windtunnel.playground.openPanel',
          endpoint.path,
        );
      }
    }
    return lenses;
  }

  dispose(): void {
    this.subscriptions.dispose();
    this.changed.dispose();
  }
}
