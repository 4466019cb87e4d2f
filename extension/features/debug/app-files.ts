import * as vscode from 'vscode';
import type { WorkspaceApps } from '../explorer/workspace-apps.ts';

const setContext = (key: string, value: unknown) => vscode.commands.executeCommand('setContext', key, value);

/**
 * F5 is ours where the editor shows an app, and nowhere else: the key binding asks whether `resourcePath` is in
 * `windtunnel.appFiles`. A list of files, not a word about the current one: the workbench knows at once which file it shows, and a
 * word would be that of the file before until we were asked again.
 *
 * `windtunnel.appKnown` is for the walkthrough alone. The workbench takes a step as done when a condition becomes true, and never
 * looks again at one that was true when it read the walkthrough first. So it is one of two words in turn, each time that tabs change
 * while an app is known: one of them is new to it.
 */
export function tellEditorOfApps(apps: WorkspaceApps): vscode.Disposable {
  let told = '';
  let turn = 0;
  const tellWalkthrough = () => {
    if (told === '') return;
    turn += 1;
    void setContext('windtunnel.appKnown', turn % 2 === 0 ? 'even' : 'odd');
  };
  const tell = () => {
    const files = apps.files();
    if (files.join('\n') === told) return;
    told = files.join('\n');
    void setContext('windtunnel.appFiles', files);
    tellWalkthrough();
  };
  return vscode.Disposable.from(apps.onDidChange(tell), vscode.window.tabGroups.onDidChangeTabs(tellWalkthrough));
}
