import * as vscode from 'vscode';
import { toWindtunnelError } from '../../../emulator/contract/index.ts';

/** A command whose failure, or end where it was cancelled, the user is told of in one notification. */
export function reporting<Arguments extends unknown[]>(action: (...given: Arguments) => Promise<unknown>) {
  return async (...given: Arguments): Promise<void> => {
    try {
      await action(...given);
    } catch (thrown) {
      const { kind, message } = toWindtunnelError(thrown);
      if (kind === 'cancelled') void vscode.window.showInformationMessage(message);
      else void vscode.window.showErrorMessage(message);
    }
  };
}
