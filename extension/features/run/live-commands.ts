import * as vscode from 'vscode';
import type { CommandArgument } from '../../core/app-target.ts';
import { isRow } from '../../core/row.ts';
import { reporting } from '../rows/reporting.ts';
import { openInTerminal, runInTerminal } from '../terminal/cli-terminal.ts';
import type { CommandContext } from './app-commands.ts';
import { type Picked, pickRequest, pickRunner } from './pick-live.ts';

/** Commands of one runner or request, from any view or, by a choice, from the palette. */
export function registerLiveCommands({ emulators, emulatorJs }: CommandContext): vscode.Disposable {
  type Pick = (argument: CommandArgument) => Promise<Picked | null>;
  const command = (name: string, pick: Pick, action: (picked: Picked) => Promise<unknown>) =>
    vscode.commands.registerCommand(
      `windtunnel.${name}`,
      reporting(async (argument: CommandArgument) => {
        const picked = await pick(argument);
        if (picked) await action(picked);
      }),
    );
  const inTerminal = (icon: string, ...args: string[]) => {
    return async ({ session, id }: Picked) => runInTerminal(emulatorJs, session.workspace, [...args, id], icon);
  };
  const runner: Pick = (argument) => pickRunner(emulators, argument);
  const request: Pick = (argument) => pickRequest(emulators, argument);
  return vscode.Disposable.from(
    command('runner.stop', runner, async ({ session, id }) => session.client?.stopRunner(id)),
    command('runner.openShell', runner, async ({ session, id }) =>
      openInTerminal(emulatorJs, session.workspace, ['shell', id], 'terminal'),
    ),
    command('request.showLogs', request, inTerminal('output', 'logs')),
    command(
      'request.replay',
      (argument) => pickRequest(emulators, argument, true),
      inTerminal('debug-rerun', 'replay'),
    ),
    command('request.copyId', request, async ({ id }) => vscode.env.clipboard.writeText(id)),
    vscode.commands.registerCommand('windtunnel.row.copy', async (row: unknown) => {
      if (isRow(row) && row.copy !== undefined) await vscode.env.clipboard.writeText(row.copy);
    }),
  );
}
