import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { type Deployment, DeploymentSchema } from '../../../emulator/contract/index.ts';
import type { KnownApp } from '../../core/app-tree.ts';
import { planSummary, settingsText } from '../../core/deploy-plan.ts';
import type { CliTask } from './cli-task.ts';
import type { DiffTexts } from './diff-texts.ts';

/**
 * *Deploy to fal*: the checks and the comparison of `windtunnel deploy`, the changes in a diff editor, a question, and the
 * deployment itself, which can be cancelled.
 */
export class AppDeployment {
  private readonly tasks: CliTask;
  private readonly diffs: DiffTexts;

  constructor(tasks: CliTask, diffs: DiffTexts) {
    this.tasks = tasks;
    this.diffs = diffs;
  }

  async deploy({ found }: KnownApp, workspace: string): Promise<void> {
    const name = found.name || found.symbol;
    const run = async (title: string, ...flags: string[]) => {
      const args = ['deploy', `${found.file}::${found.symbol}`, '--json', '--workspace', workspace, ...flags];
      return this.tasks.run(title, args, workspace, DeploymentSchema);
    };
    const plan = await run(vscode.l10n.t('Windtunnel: checking {0}', name), '--dry-run');
    if (plan === null) return;
    if (plan.error) return this.failed(plan, found.file);
    await this.diffs.show(vscode.l10n.t('Deploy {0}', plan.app ?? name), diffOf(plan, found.file));
    if (!(await this.confirmed(plan))) return;
    const done = await run(vscode.l10n.t('Windtunnel: deploying {0}', name), '--yes');
    if (done === null) return;
    if (done.error) return this.failed(done, found.file);
    await this.succeeded(done);
  }

  /** A list that stays open: the changes can be read, and scrolled, beside it. */
  private async confirmed({ app, account, checks, ...plan }: Deployment): Promise<boolean> {
    const summary = planSummary(plan)?.join(' · ') ?? null;
    const warnings = checks.filter(({ state }) => state === 'warning');
    const deploy = {
      label: `$(cloud-upload) ${vscode.l10n.t('Deploy')}`,
      description: summary === null ? vscode.l10n.t('not deployed yet') : summary || vscode.l10n.t('nothing changes'),
    };
    const leave = { label: `$(close) ${vscode.l10n.t('Leave It as It Is')}` };
    const warned = warnings.map(({ message, hint }) => ({
      label: `$(warning) ${message}`,
      ...(hint === undefined ? {} : { detail: hint }),
    }));
    const title = vscode.l10n.t('Deploy {0} to {1}?', app ?? '', account?.host ?? '');
    // A warning is there to be read: choosing it opens the checks.
    for (;;) {
      const chosen = await vscode.window.showQuickPick([deploy, leave, ...warned], { title, ignoreFocusOut: true });
      if (chosen === undefined || chosen === leave) return false;
      if (chosen === deploy) return true;
      this.tasks.showLog();
    }
  }

  private async succeeded({ app, url }: Deployment): Promise<void> {
    const [copy, compare] = [vscode.l10n.t('Copy Address'), vscode.l10n.t('Compare with Remote')];
    const text = vscode.l10n.t('{0} is deployed, and answers at {1}', app ?? '', url ?? '');
    const chosen = await vscode.window.showInformationMessage(text, copy, compare);
    if (chosen === copy) await vscode.env.clipboard.writeText(url ?? '');
    if (chosen === compare) await vscode.commands.executeCommand('windtunnel.app.compare');
  }

  private async failed({ checks, error }: Deployment, file: string): Promise<void> {
    const line = checks.find((check) => check.state === 'error' && check.line !== undefined)?.line;
    const [show, log] = [vscode.l10n.t('Show Line'), vscode.l10n.t('Show Log')];
    const actions = line === undefined ? [log] : [show, log];
    const chosen = await vscode.window.showErrorMessage(error?.message ?? '', ...actions);
    if (chosen === log) this.tasks.showLog();
    if (chosen !== show || line === undefined) return;
    const at = new vscode.Position(line - 1, 0);
    await vscode.window.showTextDocument(vscode.Uri.file(file), { selection: new vscode.Range(at, at) });
  }
}

/** The settings, and the code where it is known here what of it is deployed. */
function diffOf({ changes, deployedText }: Deployment, file: string) {
  const settings = {
    name: 'settings.yaml',
    left: settingsText(changes ?? [], 'now'),
    right: settingsText(changes ?? [], 'after'),
  };
  if (deployedText === null) return [settings];
  // Its text, and not the file: where a diff holds the file, opening it may lead to the diff.
  return [settings, { name: path.basename(file), left: deployedText, right: readFileSync(file, 'utf8') }];
}
