import * as vscode from 'vscode';
import type { WorkspaceApps } from '../explorer/workspace-apps.ts';

const setContext = (key: string, value: unknown) => vscode.commands.executeCommand('setContext', key, value);

/**
 * F5 is ours where the editor shows an app, and nowhere else: the key binding asks whether `resourcePath` is in
 * `windtunnel.appFiles`. A list of files, not a word about the current one: the workbench knows at once which file it shows, and a
 * word would be that of the file before until we were asked again. The word is for the walkthrough alone: its steps are done by
 * what changes once it is open, and do not know which file an editor shows.
 */
export function tellEditorOfApps(apps: WorkspaceApps): vscode.Disposable {
  let told = '';
  let shown = false;
  const tell = () => {
    const files = apps.files();
    if (files.join('\n') !== told) void setContext('windtunnel.appFiles', files);
    told = files.join('\n');
    const shows = files.includes(vscode.window.activeTextEditor?.document.uri.fsPath ?? '');
    if (shows !== shown) void setContext('windtunnel.appShown', shows);
    shown = shows;
  };
  return vscode.Disposable.from(apps.onDidChange(tell), vscode.window.onDidChangeActiveTextEditor(tell));
}
