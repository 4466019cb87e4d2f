import * as vscode from 'vscode';
import { type Holdings, HoldingsSchema } from '../../../emulator/contract/index.ts';
import { remoteRows } from '../../core/row.ts';
import { runCli } from '../../platform/emulator-cli.ts';
import { falTarget, targetFlags } from '../deploy/fal-target.ts';
import type { Emulators } from '../emulator/emulators.ts';
import { pickSession } from '../emulator/pick-session.ts';
import { reporting } from '../rows/reporting.ts';
import { RowsView } from '../rows/rows.view.ts';

/** What the welcome of the view goes by. */
export type RemoteState = 'unread' | 'signedOut' | 'noFal' | 'failed' | 'read';

/**
 * The *Remote* view: what the user's own account at fal holds, through the user's own `fal`. It is asked only when the user
 * asks: nothing reaches fal by itself.
 */
export class RemoteView implements vscode.Disposable {
  state: RemoteState = 'unread';
  holdings: Holdings | null = null;
  private readonly emulators: Emulators;
  private readonly emulatorJs: string;
  /** That the holdings are of. */
  private environment = '';
  private readonly view = new RowsView('windtunnel.remote', () =>
    this.holdings ? remoteRows(this.holdings, this.environment) : [],
  );
  private readonly subscriptions = vscode.Disposable.from(
    this.view,
    vscode.commands.registerCommand(
      'windtunnel.remote.refresh',
      reporting(() => this.read()),
    ),
    vscode.commands.registerCommand('windtunnel.remote.logIn', () => {
      const terminal = vscode.window.createTerminal({ name: 'fal auth login', isTransient: true });
      terminal.show();
      terminal.sendText('fal auth login');
    }),
  );

  constructor(emulators: Emulators, emulatorJs: string) {
    this.emulators = emulators;
    this.emulatorJs = emulatorJs;
  }

  dispose(): void {
    this.subscriptions.dispose();
  }

  private async read(): Promise<void> {
    const cwd = (await pickSession(this.emulators))?.workspace;
    if (cwd === undefined) return;
    const target = falTarget(cwd);
    const flags = targetFlags(target);
    await vscode.commands.executeCommand('windtunnel.remote.focus');
    await vscode.window.withProgress({ location: { viewId: 'windtunnel.remote' } }, async () => {
      const { code, stdout, stderr } = await runCli(this.emulatorJs, ['remote', '--json', ...flags], { cwd });
      this.environment = target.environment;
      this.holdings = code === 0 ? HoldingsSchema.parse(JSON.parse(stdout)) : null;
      this.state = code === 0 ? 'read' : stateOf(stderr);
      // Not as the message of the view: that takes the place of what to do about it.
      if (this.state === 'failed') void vscode.window.showErrorMessage(firstLine(stderr));
    });
    await vscode.commands.executeCommand('setContext', 'windtunnel.remote', this.state);
    this.view.refresh();
  }
}

const firstLine = (stderr: string): string => stderr.split('\n')[0]?.replace(/^error: /, '') ?? '';

function stateOf(stderr: string): RemoteState {
  if (stderr.includes('[E_SIGNED_OUT]')) return 'signedOut';
  return stderr.includes('[E_FAL_MISSING]') ? 'noFal' : 'failed';
}
