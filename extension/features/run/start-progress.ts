import * as vscode from 'vscode';
import { startStep } from '../../core/start-step.ts';
import type { EmulatorSession } from '../emulator/emulator-session.ts';

/** Shows in the status bar how far the start of an app is, as long as `work` goes on. */
export function withStartProgress<T>(session: EmulatorSession, name: string, work: () => Promise<T>): Thenable<T> {
  const title = vscode.l10n.t('Windtunnel: starting {0}', name);
  return vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title }, async (progress) => {
    const subscription = session.onEvent(({ event, replayed }) => {
      const message = replayed ? null : startStep(event);
      if (message !== null) progress.report({ message });
    });
    try {
      return await work();
    } finally {
      subscription.dispose();
    }
  });
}
