import * as vscode from 'vscode';
import type { Finder } from '../../../emulator/find/finder.ts';
import type { WorkspaceApps } from '../explorer/workspace-apps.ts';

/**
 * F5 is ours where the editor shows an app, and nowhere else: the key binding asks whether `resourcePath` is in
 * `windtunnel.appFiles`. A list of files, not a word about the current one: the workbench knows at once which file it shows, and a
 * word would be that of the file before until we were asked again.
 */
export function tellEditorOfApps(apps: WorkspaceApps, finder: () => Promise<Finder>): vscode.Disposable {
  const open = new Map<string, boolean>();
  let told = '';
  const tell = async () => {
    const files = new Set(apps.list().map(({ found }) => found.file));
    // What is open counts as it stands there, saved or not.
    for (const [file, hasApp] of open) {
      if (hasApp) files.add(file);
      else files.delete(file);
    }
    const list = [...files].sort();
    if (list.join('\n') === told) return;
    told = list.join('\n');
    await vscode.commands.executeCommand('setContext', 'windtunnel.appFiles', list);
  };
  const look = async (document: vscode.TextDocument) => {
    if (document.languageId !== 'python' || document.uri.scheme !== 'file') return;
    const file = document.uri.fsPath;
    const { version } = document;
    const found = (await finder()).findInSource(document.getText(), file);
    if (document.isClosed || document.version !== version) return;
    open.set(file, found.length > 0);
    await tell();
  };
  for (const document of vscode.workspace.textDocuments) void look(document);
  return vscode.Disposable.from(
    vscode.workspace.onDidOpenTextDocument((document) => void look(document)),
    vscode.workspace.onDidChangeTextDocument(({ document }) => void look(document)),
    vscode.workspace.onDidCloseTextDocument(({ uri }) => {
      if (open.delete(uri.fsPath)) void tell();
    }),
    apps.onDidChange(() => void tell()),
  );
}
