import * as vscode from 'vscode';
import { NODE_ENV } from '../../platform/emulator-cli.ts';
import { requireTrust } from '../../platform/workspace-trust.ts';

/** Runs a command of the CLI where the user sees it, without a shell that could misread an argument. */
export function runInTerminal(emulatorJs: string, workspace: string, args: readonly string[], icon = 'zap'): void {
  requireTrust();
  const terminal = vscode.window.createTerminal({
    name: `windtunnel ${args[0]}`,
    shellPath: process.execPath,
    shellArgs: [emulatorJs, ...args, '--workspace', workspace],
    env: NODE_ENV,
    cwd: workspace,
    iconPath: new vscode.ThemeIcon(icon),
    isTransient: true,
  });
  terminal.show(true);
}
