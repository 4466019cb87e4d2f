import * as vscode from 'vscode';
import { WindtunnelError } from '../../emulator/contract/index.ts';

/**
 * Throws in a workspace that is not trusted. The palette and the menus offer nothing there that would run its code, but a code lens, a
 * key binding or another extension may ask all the same.
 */
export function requireTrust(): void {
  if (vscode.workspace.isTrusted) return;
  throw new WindtunnelError('E_UNTRUSTED', vscode.l10n.t('This workspace is not trusted: none of its code is run.'), {
    hint: vscode.l10n.t('"Workspaces: Manage Workspace Trust" in the command palette changes that.'),
  });
}
