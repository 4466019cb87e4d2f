import * as vscode from 'vscode';
import { toWindtunnelError } from '../../../emulator/contract/index.ts';

/** A command whose failure the user is told of, in one notification. */
export function reporting<Arguments extends unknown[]>(action: (...given: Arguments) => Promise<unknown>) {
  return async (...given: Arguments): Promise<void> => {
    try {
      await action(...given);
    } catch (thrown) {
      void vscode.window.showErrorMessage(toWindtunnelError(thrown).message);
    }
  };
}
