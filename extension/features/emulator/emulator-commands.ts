import * as vscode from 'vscode';
import { reporting } from '../rows/reporting.ts';
import type { Emulators } from './emulators.ts';
import { isRunning, pickSession } from './pick-session.ts';

/** Commands of the emulator itself. */
export function registerEmulatorCommands(emulators: Emulators): vscode.Disposable {
  const command = (name: string, action: () => Promise<unknown>) =>
    vscode.commands.registerCommand(`windtunnel.${name}`, reporting(action));
  return vscode.Disposable.from(
    command('emulator.start', async () => (await pickSession(emulators))?.ensure()),
    command('emulator.stop', async () => (await pickSession(emulators, isRunning))?.shutdown()),
    command('emulator.copyAddress', async () => {
      const session = await pickSession(emulators, isRunning);
      if (session?.status) await vscode.env.clipboard.writeText(session.status.url);
    }),
    command('emulator.showActions', () => showActions(emulators)),
    command('secret.set', () => setSecret(emulators)),
  );
}

async function showActions(emulators: Emulators): Promise<void> {
  const running = emulators.all.some(isRunning);
  const item = (icon: string, label: string, command: string) => ({ label: `$(${icon}) ${label}`, command });
  const items = [
    item('play', vscode.l10n.t('Run App'), 'windtunnel.app.run'),
    ...(running
      ? [
          item('debug-stop', vscode.l10n.t('Stop App'), 'windtunnel.app.stop'),
          item('copy', vscode.l10n.t('Copy Address'), 'windtunnel.emulator.copyAddress'),
          item('circle-slash', vscode.l10n.t('Stop Emulator'), 'windtunnel.emulator.stop'),
        ]
      : [item('server-process', vscode.l10n.t('Start Emulator'), 'windtunnel.emulator.start')]),
    item('server-environment', vscode.l10n.t('Switch Engine'), 'windtunnel.engine.switch'),
    item('key', vscode.l10n.t('Set Secret'), 'windtunnel.secret.set'),
    item('pulse', vscode.l10n.t('Doctor'), 'windtunnel.doctor.run'),
  ];
  const chosen = await vscode.window.showQuickPick(items, {
    title: 'Windtunnel',
    placeHolder: vscode.l10n.t('What to do?'),
  });
  if (chosen) await vscode.commands.executeCommand(chosen.command);
}

/** Into the one store of secrets that the CLI uses as well; the value is never kept in the editor. */
async function setSecret(emulators: Emulators): Promise<void> {
  const session = await pickSession(emulators);
  if (!session) return;
  const name = await vscode.window.showInputBox({
    title: vscode.l10n.t('Set Secret (1/2)'),
    prompt: vscode.l10n.t('Name, as the app reads it from its environment'),
    validateInput: (text) =>
      /^[A-Za-z_][A-Za-z0-9_]*$/.test(text) ? null : vscode.l10n.t('Letters, digits and _; no digit first.'),
    ignoreFocusOut: true,
  });
  if (name === undefined) return;
  const value = await vscode.window.showInputBox({
    title: vscode.l10n.t('Set Secret (2/2)'),
    prompt: vscode.l10n.t('Value of {0}', name),
    password: true,
    ignoreFocusOut: true,
  });
  if (value === undefined) return;
  await (await session.ensure()).setSecret(name, value);
  vscode.window.setStatusBarMessage(vscode.l10n.t('Secret {0} was set', name), 3000);
}
