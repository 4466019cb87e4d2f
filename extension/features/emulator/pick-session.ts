import * as vscode from 'vscode';
import type { EmulatorSession } from './emulator-session.ts';
import type { Emulators } from './emulators.ts';

export const isRunning = ({ state }: EmulatorSession): boolean => state.kind === 'running';

/** The emulator that a command is about: the only one that fits, else the user's choice. Where there is none, that is said. */
export async function pickSession(
  emulators: Emulators,
  fits: (session: EmulatorSession) => boolean = () => true,
): Promise<EmulatorSession | null> {
  const folders = new Set((vscode.workspace.workspaceFolders ?? []).map(({ uri }) => emulators.of(uri.fsPath)));
  // One that a file from elsewhere would have, and that does not run, is not what a command of this window means.
  const near = emulators.all.filter((session) => folders.has(session) || isRunning(session));
  const sessions = (near.length > 0 ? near : emulators.all).filter(fits);
  if (sessions.length === 0) {
    const none = emulators.all.length === 0;
    void vscode.window.showInformationMessage(
      none ? vscode.l10n.t('Open a folder first.') : vscode.l10n.t('The Windtunnel emulator does not run'),
    );
  }
  if (sessions.length <= 1) return sessions[0] ?? null;
  const items = sessions.map((session) => ({ label: session.workspace, session }));
  const placeHolder = vscode.l10n.t('Which workspace?');
  return (await vscode.window.showQuickPick(items, { title: 'Windtunnel', placeHolder }))?.session ?? null;
}
