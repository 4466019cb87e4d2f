import * as vscode from 'vscode';
import { DoctorAnswerSchema, type DoctorCheck, WindtunnelError } from '../../../emulator/contract/index.ts';
import { doctorRows } from '../../core/row.ts';
import { runCli } from '../../platform/emulator-cli.ts';
import type { Emulators } from '../emulator/emulators.ts';
import { pickSession } from '../emulator/pick-session.ts';
import { reporting } from '../rows/reporting.ts';
import { RowsView } from '../rows/rows.view.ts';

/** The *Doctor* view: what this machine has and lacks, asked when the user asks. */
export class DoctorView implements vscode.Disposable {
  checks: readonly DoctorCheck[] = [];
  private readonly emulatorJs: string;
  private readonly emulators: Emulators;
  private readonly view = new RowsView('windtunnel.doctor', () => doctorRows(this.checks));
  private readonly command = vscode.commands.registerCommand(
    'windtunnel.doctor.run',
    reporting(() => this.run()),
  );

  constructor(emulators: Emulators, emulatorJs: string) {
    this.emulators = emulators;
    this.emulatorJs = emulatorJs;
  }

  dispose(): void {
    this.command.dispose();
    this.view.dispose();
  }

  private async run(): Promise<void> {
    const cwd = (await pickSession(this.emulators))?.workspace;
    if (cwd === undefined) return;
    await vscode.commands.executeCommand('windtunnel.doctor.focus');
    await vscode.window.withProgress({ location: { viewId: 'windtunnel.doctor' } }, async () => {
      // 3: a check fails, which is an answer.
      const { code, stdout, stderr } = await runCli(this.emulatorJs, ['doctor', '--json'], { cwd });
      if (code !== 0 && code !== 3) throw new WindtunnelError('E_INTERNAL', stderr.trim());
      this.checks = DoctorAnswerSchema.parse(JSON.parse(stdout)).checks;
    });
    const lacks = (name: string) => this.checks.some((check) => check.name === name && check.state !== 'ok');
    await vscode.commands.executeCommand('setContext', 'windtunnel.noPython', lacks('python'));
    await vscode.commands.executeCommand('setContext', 'windtunnel.noDocker', lacks('docker'));
    const bad = this.checks.filter(({ state }) => state !== 'ok').length;
    this.view.tree.description = bad === 0 ? vscode.l10n.t('all is well') : vscode.l10n.t('{0} to look at', bad);
    this.view.refresh();
  }
}
