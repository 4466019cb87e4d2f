import * as vscode from 'vscode';
import type { SerializedError } from '../../../emulator/contract/index.ts';
import { lastWords, ownFrame } from '../../core/traceback.ts';
import type { EmulatorSession } from '../emulator/emulator-session.ts';
import type { Happened } from '../emulator/emulators.ts';
import type { AppLogs } from '../logs/app-logs.ts';

/** Why an app does not start or reload: a problem at the user's own line, and one notification with what can be done. */
export class StartFailures implements vscode.Disposable {
  private readonly problems = vscode.languages.createDiagnosticCollection('windtunnel');
  private readonly logs: AppLogs;
  /** Files with a problem, by the app's file. */
  private readonly marked = new Map<string, string[]>();
  /** What each file's last notification said: a watched app that fails on every save is told once. */
  private readonly told = new Map<string, string>();

  constructor(logs: AppLogs) {
    this.logs = logs;
  }

  /** Marks the line and tells it. */
  show(error: SerializedError, session: EmulatorSession, file: string): void {
    const detail = error.detail ?? '';
    const frame = ownFrame(detail, [session.workspace]);
    const cause = frame ? lastWords(detail) : '';
    const message = cause && !error.message.includes(cause) ? `${error.message}: ${cause}` : error.message;
    this.unmark(file);
    this.mark(frame?.file ?? file, frame?.line ?? 1, message);
    this.marked.set(file, [frame?.file ?? file]);
    this.logs.error(file, `${error.message}\n${detail}`);
    if (this.told.get(file) === message) return;
    this.told.set(file, message);
    void this.tell(message, error.hint, file, frame);
  }

  private mark(file: string, line: number, message: string): void {
    const at = Math.max(0, line - 1);
    const problem = new vscode.Diagnostic(new vscode.Range(at, 0, at, 1000), message, vscode.DiagnosticSeverity.Error);
    problem.source = 'Windtunnel';
    this.problems.set(vscode.Uri.file(file), [problem]);
  }

  /** Also what was marked in another module of the same app. */
  private unmark(file: string): void {
    for (const marked of this.marked.get(file) ?? []) this.problems.delete(vscode.Uri.file(marked));
    this.marked.delete(file);
  }

  /** Tells what fails while a watched app reloads; a runner that is ready has ended what was wrong. */
  follow({ session, event, replayed }: Happened): void {
    if (replayed || (event.type !== 'app.failed' && event.type !== 'runner.state')) return;
    const file = session.status?.apps.find(({ id }) => id === event.app)?.file;
    if (file === undefined) return;
    if (event.type === 'app.failed') this.show(event.error, session, file);
    else if (event.state === 'IDLE' || event.state === 'RUNNING') this.clear(file);
  }

  clear(file: string): void {
    this.told.delete(file);
    this.unmark(file);
  }

  dispose(): void {
    this.problems.dispose();
  }

  private async tell(
    message: string,
    hint: string | undefined,
    file: string,
    frame: { file: string; line: number } | null,
  ): Promise<void> {
    const openLog = vscode.l10n.t('Open Log');
    const showLine = vscode.l10n.t('Show Line');
    const text = hint ? `${message}${/[.!?]$/.test(message) ? '' : '.'} ${hint}` : message;
    const chosen = await vscode.window.showErrorMessage(text, ...(frame ? [showLine] : []), openLog);
    if (chosen === openLog) this.logs.show(file);
    if (chosen === showLine && frame) {
      const at = new vscode.Position(Math.max(0, frame.line - 1), 0);
      const selection = new vscode.Range(at, at);
      await vscode.window.showTextDocument(vscode.Uri.file(frame.file), { selection });
    }
  }
}
