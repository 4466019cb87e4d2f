import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as vscode from 'vscode';
import * as z from 'zod/mini';
import { WindtunnelError } from '../../../emulator/contract/index.ts';
import { type ImportReport, ImportReportSchema } from '../../../emulator/import/report.ts';
import { runCli } from '../../platform/emulator-cli.ts';
import { reporting } from '../rows/reporting.ts';
import { ImportProblems } from './import-problems.ts';
import { ImportReview, type Proposal, REPORT, type Reviewed } from './import-review.ts';

/** What an import after this one goes by: it goes along with whatever is taken. */
const RECORD = '.windtunnel';
const AnswerSchema = z.union([z.array(ImportReportSchema), ImportReportSchema]);

/**
 * *Import*: converts an app of Modal, RunPod or Cog, shows each file beside the source in VS Code's own diff editor, and writes
 * what the user takes of it. What is left to a person stands in the problems.
 */
export class AppImport implements vscode.Disposable {
  private readonly emulatorJs: string;
  private readonly problems = new ImportProblems();
  private readonly review = new ImportReview();
  private readonly subscriptions: vscode.Disposable;
  /** Results that are looked at: removed with the window. */
  private readonly previews: string[] = [];

  constructor(emulatorJs: string) {
    this.emulatorJs = emulatorJs;
    this.subscriptions = vscode.Disposable.from(
      this.problems,
      this.review,
      vscode.commands.registerCommand(
        'windtunnel.app.import',
        reporting(async (given?: vscode.Uri) => {
          const source = given?.fsPath ?? (await pickSource());
          if (source) await this.import(source);
        }),
      ),
    );
  }

  dispose(): void {
    this.subscriptions.dispose();
    for (const folder of this.previews) rmSync(folder, { recursive: true, force: true });
  }

  private async import(source: string): Promise<void> {
    const preview = mkdtempSync(path.join(tmpdir(), 'windtunnel-import-'));
    this.previews.push(preview);
    const result = path.join(preview, 'result');
    const title = vscode.l10n.t('Windtunnel: importing {0}', path.basename(source));
    // Not as a notification: the result is one, and a conversion takes no second.
    const where = { location: vscode.ProgressLocation.Window, title };
    const reports = await vscode.window.withProgress(where, () => this.convert(source, result));
    if (!existsSync(result)) {
      const why = reports.flatMap(({ findings }) => findings).find(({ level }) => level === 'BLOCKED')?.reason;
      throw new WindtunnelError('E_BAD_REQUEST', why ?? vscode.l10n.t('Nothing in it could be imported.'));
    }
    const root = statSync(source).isDirectory() ? source : path.dirname(source);
    const out = await pickTarget(`${root}-fal`);
    if (!out) return;
    await this.review.begin({ root, result, out, files: filesBelow(result) }, (reviewed) =>
      this.taken(reports, { root, result }, reviewed),
    );
  }

  /** The end of a look through the files: the app is opened, with what is left to do, and can be run at once. */
  private async taken(
    reports: readonly ImportReport[],
    { root, result }: Pick<Proposal, 'root' | 'result'>,
    { out, taken }: Reviewed,
  ): Promise<void> {
    if (taken.length === 0) return;
    const record = path.join(result, RECORD);
    if (existsSync(record)) cpSync(record, path.join(out, RECORD), { recursive: true });
    const left = this.problems.mark(reports, root, out);
    const entry = reports.map(({ entry: file }) => path.join(out, file)).find((file) => existsSync(file));
    if (entry === undefined) return;
    await vscode.window.showTextDocument(vscode.Uri.file(entry), { preview: false });
    const [run, show] = [vscode.l10n.t('Run App'), vscode.l10n.t('Show Problems')];
    const text = vscode.l10n.t('Imported into {0}. Files: {1}. To look at: {2}', out, taken.length, left);
    const chosen = await vscode.window.showInformationMessage(text, run, ...(left > 0 ? [show] : []));
    if (chosen === run) {
      // Whatever was opened meanwhile.
      await vscode.window.showTextDocument(vscode.Uri.file(entry), { preview: false });
      await vscode.commands.executeCommand('windtunnel.app.run');
    }
    if (chosen === show) await vscode.commands.executeCommand('workbench.actions.view.problems');
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
      .filter((file) => !file.startsWith(RECORD + path.sep))
      // The code first: the report is long.
      .sort((a, b) => Number(a === REPORT) - Number(b === REPORT) || a.localeCompare(b))
  );
}
