import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as vscode from 'vscode';
import * as z from 'zod/mini';
import { toWindtunnelError, WindtunnelError } from '../../../emulator/contract/index.ts';
import { type ImportReport, ImportReportSchema } from '../../../emulator/import/report.ts';
import { runCli } from '../../platform/emulator-cli.ts';

const AnswerSchema = z.union([z.array(ImportReportSchema), ImportReportSchema]);
const REPORT = 'IMPORT.md';
/** What a file of the result is beside, where the source has none of that name. */
const EMPTY = 'windtunnel-empty';

/**
 * *Import*: converts an app of Modal, RunPod or Cog, shows the result beside the source in VS Code's own diff editor, and writes
 * what the user takes of it. What is left to a person stands in the problems.
 */
export class AppImport implements vscode.Disposable {
  private readonly emulatorJs: string;
  private readonly problems = vscode.languages.createDiagnosticCollection('windtunnel.import');
  private readonly subscriptions: vscode.Disposable;
  /** Results that are looked at: removed with the window. */
  private readonly previews: string[] = [];

  constructor(emulatorJs: string) {
    this.emulatorJs = emulatorJs;
    this.subscriptions = vscode.Disposable.from(
      this.problems,
      vscode.workspace.registerTextDocumentContentProvider(EMPTY, { provideTextDocumentContent: () => '' }),
      vscode.commands.registerCommand('windtunnel.app.import', (given?: vscode.Uri) => this.run(given)),
    );
  }

  dispose(): void {
    this.subscriptions.dispose();
    for (const folder of this.previews) rmSync(folder, { recursive: true, force: true });
  }

  private async run(given: vscode.Uri | undefined): Promise<void> {
    try {
      const source = given?.fsPath ?? (await pickSource());
      if (source) await this.import(source);
    } catch (thrown) {
      void vscode.window.showErrorMessage(toWindtunnelError(thrown).message);
    }
  }

  private async import(source: string): Promise<void> {
    const preview = mkdtempSync(path.join(tmpdir(), 'windtunnel-import-'));
    this.previews.push(preview);
    const result = path.join(preview, 'result');
    const title = vscode.l10n.t('Windtunnel: importing {0}', path.basename(source));
    const reports = await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title }, () =>
      this.convert(source, result),
    );
    if (!existsSync(result)) {
      const why = reports.flatMap(({ findings }) => findings).find(({ level }) => level === 'BLOCKED')?.reason;
      throw new WindtunnelError('E_BAD_REQUEST', why ?? vscode.l10n.t('Nothing in it could be imported.'));
    }
    const root = statSync(source).isDirectory() ? source : path.dirname(source);
    const files = filesBelow(result);
    await vscode.commands.executeCommand(
      'vscode.changes',
      vscode.l10n.t('Import of {0}', path.basename(source)),
      files.map((file) => {
        const before = path.join(root, file);
        const left = existsSync(before)
          ? vscode.Uri.file(before)
          : vscode.Uri.from({ scheme: EMPTY, path: `/${file}` });
        return [vscode.Uri.file(path.join(result, file)), left, vscode.Uri.file(path.join(result, file))];
      }),
    );
    const taken = await vscode.window.showQuickPick(
      files.map((file) => ({ label: file, picked: true })),
      { canPickMany: true, title: vscode.l10n.t('Files to take over'), ignoreFocusOut: true },
    );
    if (!taken || taken.length === 0) return;
    const out = await pickTarget(`${root}-fal`);
    if (!out) return;
    for (const { label } of taken) {
      mkdirSync(path.dirname(path.join(out, label)), { recursive: true });
      cpSync(path.join(result, label), path.join(out, label));
    }
    this.mark(reports, out);
    const entry = reports[0]?.entry;
    if (entry && existsSync(path.join(out, entry))) {
      await vscode.window.showTextDocument(vscode.Uri.file(path.join(out, entry)), { preview: false });
    }
  }

  private async convert(source: string, result: string): Promise<ImportReport[]> {
    const cwd = path.dirname(source);
    const { code, stdout, stderr } = await runCli(this.emulatorJs, ['import', source, '--out', result, '--json'], {
      cwd,
    });
    // 1: something is left to a person, which the report tells.
    if (code > 1 || stdout.trim() === '') throw new WindtunnelError('E_BAD_REQUEST', stderr.trim() || stdout.trim());
    return [AnswerSchema.parse(JSON.parse(stdout))].flat();
  }

  private mark(reports: readonly ImportReport[], out: string): void {
    this.problems.clear();
    const byFile = new Map<string, vscode.Diagnostic[]>();
    for (const { level, code, reason, target } of reports.flatMap(({ findings }) => findings)) {
      if (level === 'OK' || !target) continue;
      const severity = level === 'CHECK' ? vscode.DiagnosticSeverity.Information : vscode.DiagnosticSeverity.Warning;
      const made = new vscode.Diagnostic(new vscode.Range(target.line - 1, 0, target.line - 1, 200), reason, severity);
      made.source = 'windtunnel import';
      made.code = code;
      const file = path.join(out, target.file);
      byFile.set(file, [...(byFile.get(file) ?? []), made]);
    }
    for (const [file, found] of byFile) this.problems.set(vscode.Uri.file(file), found);
  }
}

async function pickSource(): Promise<string | null> {
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const chosen = await vscode.window.showOpenDialog({
    canSelectFiles: true,
    canSelectFolders: true,
    title: vscode.l10n.t('App of Modal, RunPod or Cog: its folder or file'),
    openLabel: vscode.l10n.t('Import'),
    ...(folder ? { defaultUri: folder } : {}),
  });
  return chosen?.[0]?.fsPath ?? null;
}

async function pickTarget(proposed: string): Promise<string | null> {
  const chosen = await vscode.window.showInputBox({
    title: vscode.l10n.t('Folder of the imported app'),
    value: proposed,
    validateInput: (text) => {
      if (!path.isAbsolute(text)) return vscode.l10n.t('The whole path, from / on.');
      const taken = existsSync(text) && readdirSync(text).length > 0;
      return taken ? vscode.l10n.t('{0} is not empty; nothing is overwritten.', text) : null;
    },
    ignoreFocusOut: true,
  });
  return chosen ?? null;
}

function filesBelow(folder: string): string[] {
  return (
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
      // The code first: the report is long.
      .sort((a, b) => Number(a === REPORT) - Number(b === REPORT) || a.localeCompare(b))
  );
}
