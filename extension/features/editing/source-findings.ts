import * as vscode from 'vscode';
import type { SourceFinding, SourceRange } from '../../../emulator/find/checks/finding.ts';
import type { Finder } from '../../../emulator/find/finder.ts';
import { Debounced } from '../../platform/timers.ts';

// After the last key. ms.
const TYPING_MS = 300;

/** What would go wrong at fal, marked as one types: the checks of `windtunnel deploy` that need no Python. With quick fixes. */
export class SourceFindings implements vscode.CodeActionProvider, vscode.Disposable {
  private readonly finder: () => Promise<Finder>;
  private readonly collection = vscode.languages.createDiagnosticCollection('windtunnel.source');
  private readonly found = new Map<string, { version: number; findings: SourceFinding[] }>();
  private readonly typed = new Set<vscode.TextDocument>();
  private readonly settle = new Debounced(TYPING_MS, () => void this.checkTyped());
  private readonly subscriptions: vscode.Disposable;

  constructor(finder: () => Promise<Finder>) {
    this.finder = finder;
    this.subscriptions = vscode.Disposable.from(
      this.collection,
      this.settle,
      vscode.workspace.onDidOpenTextDocument((document) => this.touch(document)),
      vscode.workspace.onDidChangeTextDocument(({ document }) => this.touch(document)),
      vscode.workspace.onDidCloseTextDocument((document) => this.forget(document)),
      vscode.languages.registerCodeActionsProvider({ language: 'python', scheme: 'file' }, this, {
        providedCodeActionKinds: [vscode.CodeActionKind.QuickFix],
      }),
    );
    for (const document of vscode.workspace.textDocuments) this.touch(document);
  }

  provideCodeActions(document: vscode.TextDocument, range: vscode.Range): vscode.CodeAction[] {
    const known = this.found.get(document.uri.toString());
    if (known?.version !== document.version) return [];
    return known.findings.flatMap((finding) => {
      if (!finding.fix || !rangeIn(finding.range).intersection(range)) return [];
      const action = new vscode.CodeAction(finding.fix.title, vscode.CodeActionKind.QuickFix);
      action.diagnostics = [diagnostic(finding)];
      action.isPreferred = true;
      action.edit = new vscode.WorkspaceEdit();
      for (const edit of finding.fix.edits) action.edit.replace(document.uri, rangeIn(edit.range), edit.text);
      return [action];
    });
  }

  dispose(): void {
    this.subscriptions.dispose();
  }

  private touch(document: vscode.TextDocument): void {
    if (document.languageId !== 'python' || document.uri.scheme !== 'file') return;
    this.typed.add(document);
    this.settle.trigger();
  }

  private forget(document: vscode.TextDocument): void {
    this.typed.delete(document);
    this.found.delete(document.uri.toString());
    this.collection.delete(document.uri);
  }

  private async checkTyped(): Promise<void> {
    const documents = [...this.typed];
    this.typed.clear();
    const finder = await this.finder();
    for (const document of documents) {
      if (document.isClosed) continue;
      const findings = finder.checkSource(document.getText());
      this.found.set(document.uri.toString(), { version: document.version, findings });
      this.collection.set(document.uri, findings.map(diagnostic));
    }
  }
}

function diagnostic({ check, level, message, hint, range }: SourceFinding): vscode.Diagnostic {
  const severity = level === 'error' ? vscode.DiagnosticSeverity.Error : vscode.DiagnosticSeverity.Warning;
  const made = new vscode.Diagnostic(rangeIn(range), `${message} ${hint}`, severity);
  made.source = 'fal';
  made.code = check;
  return made;
}

const rangeIn = ({ start, end }: SourceRange): vscode.Range =>
  new vscode.Range(start.line - 1, start.column, end.line - 1, end.column);
