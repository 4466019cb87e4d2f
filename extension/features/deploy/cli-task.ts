import * as vscode from 'vscode';
import type * as z from 'zod/mini';
import { WindtunnelError } from '../../../emulator/contract/index.ts';
import { runCli } from '../../platform/emulator-cli.ts';

/** A command of the CLI that takes its time: shown with what it says last, kept in a log, and ended where the user cancels it. */
export class CliTask implements vscode.Disposable {
  private readonly emulatorJs: string;
  private log: vscode.OutputChannel | null = null;

  constructor(emulatorJs: string) {
    this.emulatorJs = emulatorJs;
  }

  /** What it prints on stdout. Rejects with what it said where that is nothing; E_CANCELLED where it was cancelled. */
  async run<T>(title: string, args: readonly string[], cwd: string, schema: z.ZodMiniType<T>): Promise<T> {
    this.log ??= vscode.window.createOutputChannel('Windtunnel: Deploy');
    const { log } = this;
    log.appendLine(`$ windtunnel ${args.join(' ')}`);
    const where = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
    return vscode.window.withProgress(where, async (progress, token) => {
      const ended = new AbortController();
      const subscription = token.onCancellationRequested(() => ended.abort());
      const onLine = (line: string) => {
        log.appendLine(line);
        if (line.trim() !== '') progress.report({ message: line.trim() });
      };
      try {
        const { stdout, stderr } = await runCli(this.emulatorJs, args, { cwd, signal: ended.signal, onLine });
        if (stdout.trim() !== '') return schema.parse(JSON.parse(stdout));
        if (ended.signal.aborted) throw new WindtunnelError('E_CANCELLED', vscode.l10n.t('{0}: cancelled', title));
        const [first = ''] = stderr.trim().split('\n');
        throw new WindtunnelError('E_BAD_REQUEST', first.replace(/^error: /, ''));
      } finally {
        subscription.dispose();
      }
    });
  }

  showLog(): void {
    this.log?.show(true);
  }

  dispose(): void {
    this.log?.dispose();
  }
}
