import * as vscode from 'vscode';
import type { CommandArgument } from '../../core/app-target.ts';
import type { CommandContext } from '../run/app-commands.ts';
import { endpointPath } from '../run/app-commands.ts';
import { pickApp } from '../run/pick-app.ts';
import { runInTerminal } from '../terminal/cli-terminal.ts';

/**
 * Deploy and Compare: the CLI's own, in a terminal, where it shows its checks and what changes, asks, can be stopped by Ctrl-C and
 * keeps what it said.
 */
export function registerDeployCommands(context: CommandContext): vscode.Disposable {
  const { apps, emulators, emulatorJs, inputs } = context;
  return vscode.Disposable.from(
    vscode.commands.registerCommand('windtunnel.app.deploy', async (argument: CommandArgument) => {
      const app = await pickApp(apps, argument);
      if (!app) return;
      await vscode.workspace.saveAll(false);
      const { file, symbol } = app.found;
      const { workspace } = emulators.of(file);
      runInTerminal(emulatorJs, workspace, ['deploy', `${file}::${symbol}`], 'cloud-upload');
    }),
    vscode.commands.registerCommand('windtunnel.app.compare', async (argument: CommandArgument, named?: unknown) => {
      const app = await pickApp(apps, argument, ({ live }) => live !== null);
      if (!app?.live) return;
      const path = endpointPath(argument, named, app);
      const target = path === '/' ? app.live.id : `${app.live.id}${path}`;
      const args = ['compare', target, '--input', inputs.of(app, path) ?? '{}'];
      runInTerminal(emulatorJs, emulators.of(app.found.file).workspace, args, 'diff');
    }),
  );
}
