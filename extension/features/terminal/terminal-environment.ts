import { delimiter } from 'node:path';
import * as vscode from 'vscode';
import type { Emulators } from '../emulator/emulators.ts';

/**
 * `windtunnel` in the editor's terminals, with the address of the emulator of their folder while one runs. VS Code marks a terminal
 * that such a change has left behind, with the description that is given here.
 */
export function registerTerminalEnvironment(context: vscode.ExtensionContext, emulators: Emulators): vscode.Disposable {
  const all = context.environmentVariableCollection;
  const update = () => {
    all.clear();
    all.persistent = false;
    all.prepend('PATH', vscode.Uri.joinPath(context.extensionUri, 'dist', 'bin').fsPath + delimiter);
    all.replace('WINDTUNNEL_NODE', process.execPath);
    const urls: string[] = [];
    for (const workspaceFolder of vscode.workspace.workspaceFolders ?? []) {
      const scoped = all.getScoped({ workspaceFolder });
      scoped.clear();
      const { status } = emulators.of(workspaceFolder.uri.fsPath);
      if (!status) continue;
      scoped.replace('WINDTUNNEL_URL', status.url);
      urls.push(status.url);
    }
    all.description =
      urls.length > 0
        ? vscode.l10n.t('`windtunnel` is on the path, and leads to the emulator at {0}', urls.join(', '))
        : vscode.l10n.t('`windtunnel` is on the path');
  };
  let shown = '';
  const updateOnChange = () => {
    const now = emulators.all.map(({ workspace, status }) => `${workspace} ${status?.url ?? ''}`).join('\n');
    if (now === shown) return;
    shown = now;
    update();
  };
  update();
  return emulators.onDidChange(updateOnChange);
}
