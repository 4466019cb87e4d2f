import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { reporting } from '../rows/reporting.ts';

export const REPORT = 'IMPORT.md';
/** Scheme of the files that are looked at: they are not to be edited, and their editors have our actions. */
const PROPOSED = 'windtunnel-import';

export interface Proposal {
  /** Folder of the source, for what a file is beside. */
  root: string;
  result: string;
  out: string;
  /** Below `result`, in the order in which they are shown. */
  files: readonly string[];
}

export interface Reviewed {
  out: string;
  taken: string[];
}

interface Running extends Proposal {
  left: string[];
  taken: string[];
  done: (reviewed: Reviewed) => Promise<void>;
}

/** One diff editor after another, each with *Take*, *Leave Out* and *Take All*: a file is written when it is taken. */
export class ImportReview implements vscode.Disposable {
  private running: Running | null = null;
  private readonly subscriptions = vscode.Disposable.from(
    vscode.workspace.registerTextDocumentContentProvider(PROPOSED, {
      // The empty query: what is beside a file that the source does not have.
      provideTextDocumentContent: ({ query }) => (query === '' ? '' : readFileSync(query, 'utf8')),
    }),
    vscode.commands.registerCommand(
      'windtunnel.import.take',
      reporting(() => this.decide((files) => files.slice(0, 1))),
    ),
    vscode.commands.registerCommand(
      'windtunnel.import.takeAll',
      reporting(() => this.decide((files) => files)),
    ),
    vscode.commands.registerCommand(
      'windtunnel.import.leave',
      reporting(() => this.decide(() => [])),
    ),
  );

  dispose(): void {
    this.subscriptions.dispose();
  }

  /** Shows the first file; another import that is not decided to its end is over. */
  async begin(proposal: Proposal, done: Running['done']): Promise<void> {
    await closeDiffs();
    this.running = { ...proposal, left: [...proposal.files], taken: [], done };
    await this.show();
  }

  private async decide(chosen: (files: readonly string[]) => readonly string[]): Promise<void> {
    const { running } = this;
    if (!running) return;
    const taken = chosen(running.left);
    for (const file of taken) {
      mkdirSync(path.dirname(path.join(running.out, file)), { recursive: true });
      cpSync(path.join(running.result, file), path.join(running.out, file));
    }
    running.taken.push(...taken);
    running.left.splice(0, Math.max(1, taken.length));
    await closeDiffs();
    await this.show();
  }

  private async show(): Promise<void> {
    const { running } = this;
    if (!running) return;
    const [file] = running.left;
    await vscode.commands.executeCommand('setContext', 'windtunnel.importing', file !== undefined);
    if (file === undefined) {
      this.running = null;
      await running.done(running);
      return;
    }
    const before = path.join(running.root, file);
    const proposed = (query: string) => vscode.Uri.from({ scheme: PROPOSED, path: `/${file}`, query });
    await vscode.commands.executeCommand(
      'vscode.diff',
      existsSync(before) ? vscode.Uri.file(before) : proposed(''),
      proposed(path.join(running.result, file)),
      vscode.l10n.t(
        'Import {0} ({1} of {2})',
        file,
        running.files.length - running.left.length + 1,
        running.files.length,
      ),
      { preview: false },
    );
  }
}

async function closeDiffs(): Promise<void> {
  const tabs = vscode.window.tabGroups.all
    .flatMap((group) => group.tabs)
    .filter(({ input }) => input instanceof vscode.TabInputTextDiff && input.modified.scheme === PROPOSED);
  if (tabs.length > 0) await vscode.window.tabGroups.close(tabs);
}
