import { existsSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { type ImportReport, mark } from '../../../emulator/import/report.ts';
import { REPORT } from './import-review.ts';

const SOURCE = 'windtunnel import';

/** Rows of an import's report as problems: what to do, a link to the report, the line that it came from, and fixes. */
export class ImportProblems implements vscode.CodeActionProvider, vscode.Disposable {
  private readonly problems = vscode.languages.createDiagnosticCollection('windtunnel.import');
  private readonly subscriptions = vscode.Disposable.from(
    this.problems,
    vscode.languages.registerCodeActionsProvider({ scheme: 'file' }, this, {
      providedCodeActionKinds: [vscode.CodeActionKind.QuickFix],
    }),
    vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => this.move(document.uri, contentChanges)),
    vscode.commands.registerCommand('windtunnel.import.settle', (file: vscode.Uri, code: string, line: number) => {
      const all = this.problems.get(file) ?? [];
      const settled = all.find((one) => codeOf(one) === code && one.range.start.line === line);
      this.problems.set(
        file,
        all.filter((one) => one !== settled),
      );
    }),
  );

  /** Of the files that were taken to `out`; resolves how many there are. */
  mark(reports: readonly ImportReport[], root: string, out: string): number {
    this.problems.clear();
    const byFile = new Map<string, vscode.Diagnostic[]>();
    for (const { entry, findings } of reports) {
      for (const { level, code, reason, next, source, target, text } of findings) {
        if (level === 'OK') continue;
        // What has no place in the result is told where the app begins.
        const file = path.join(out, target?.file ?? entry);
        if (!existsSync(file)) continue;
        const line = (target?.line ?? 1) - 1;
        const severity = level === 'CHECK' ? vscode.DiagnosticSeverity.Information : vscode.DiagnosticSeverity.Warning;
        const made = new vscode.Diagnostic(new vscode.Range(line, 0, line, 200), `${reason} ${next}`.trim(), severity);
        made.source = SOURCE;
        const report = path.join(out, REPORT);
        made.code = existsSync(report) ? { value: code, target: vscode.Uri.file(report) } : code;
        if (source) {
          const at = new vscode.Position(source.line - 1, 0);
          const place = new vscode.Location(vscode.Uri.file(path.join(root, source.file)), at);
          made.relatedInformation = [new vscode.DiagnosticRelatedInformation(place, text)];
        }
        byFile.set(file, [...(byFile.get(file) ?? []), made]);
      }
    }
    for (const [file, found] of byFile) this.problems.set(vscode.Uri.file(file), found);
    return [...byFile.values()].flat().length;
  }

  /** Rows stay at their code while it is edited: VS Code moves what it draws, not what fixes go by. */
  private move(file: vscode.Uri, changes: readonly vscode.TextDocumentContentChangeEvent[]): void {
    const problems = this.problems.get(file) ?? [];
    if (problems.length === 0 || changes.length === 0) return;
    const moved = problems.map((one) => {
      const lines = changes
        .filter(({ range }) => one.range.start.isAfterOrEqual(range.end))
        .map(({ range, text }) => text.split('\n').length - 1 - (range.end.line - range.start.line))
        .reduce((sum, by) => sum + by, 0);
      if (lines === 0) return one;
      const { start, end } = one.range;
      const range = new vscode.Range(start.translate(lines), end.translate(lines));
      const { source, code, relatedInformation } = one;
      const made = new vscode.Diagnostic(range, one.message, one.severity);
      return Object.assign(made, { source, code, relatedInformation });
    });
    if (moved.some((one, index) => one !== problems[index])) this.problems.set(file, moved);
  }

  provideCodeActions(document: vscode.TextDocument, _range: vscode.Range, context: vscode.CodeActionContext) {
    return context.diagnostics
      .filter(({ source }) => source === SOURCE)
      .flatMap((problem) => {
        const code = codeOf(problem);
        const action = (title: string, command: string, ...given: unknown[]): vscode.CodeAction => {
          const made = new vscode.CodeAction(title, vscode.CodeActionKind.QuickFix);
          made.diagnostics = [problem];
          made.command = { title, command, arguments: given };
          return made;
        };
        const [original] = problem.relatedInformation ?? [];
        const { line } = problem.range.start;
        const done = action(
          vscode.l10n.t('{0} is settled', code),
          'windtunnel.import.settle',
          document.uri,
          code,
          line,
        );
        const { text } = document.lineAt(line);
        const marked = text.indexOf(mark(code));
        if (marked >= 0) {
          // The comment in the code goes with the problem, and with it a line that holds nothing else.
          const start = text.slice(0, text.lastIndexOf('#', marked)).trimEnd().length;
          const range =
            start === 0 ? new vscode.Range(line, 0, line + 1, 0) : new vscode.Range(line, start, line, text.length);
          done.edit = new vscode.WorkspaceEdit();
          done.edit.delete(document.uri, range);
        }
        if (!original) return [done];
        const { uri, range } = original.location;
        const options = { selection: range, viewColumn: vscode.ViewColumn.Beside };
        return [done, action(vscode.l10n.t('Show what it was'), 'vscode.open', uri, options)];
      });
  }

  dispose(): void {
    this.subscriptions.dispose();
  }
}

const codeOf = ({ code }: vscode.Diagnostic): string => String(typeof code === 'object' ? code.value : code);
