import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { type Deployment, DeploymentSchema } from '../../../emulator/contract/index.ts';
import type { KnownApp } from '../../core/app-tree.ts';
import { planSummary, settingsText } from '../../core/deploy-plan.ts';
import { ownFrame, sentFrame } from '../../core/traceback.ts';
import type { CliTask } from './cli-task.ts';
import type { DiffTexts } from './diff-texts.ts';
import { changeTarget, type FalTarget, falTarget, targetFlags } from './fal-target.ts';

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
      const place = ['--workspace', workspace, ...targetFlags(falTarget(found.file))];
      const args = ['deploy', `${found.file}::${found.symbol}`, '--json', ...place, ...flags];
      return this.tasks.run(title, args, workspace, DeploymentSchema);
    };
    const force: string[] = [];
    for (;;) {
      const plan = await run(vscode.l10n.t('Windtunnel: checking {0}', name), '--dry-run', ...force);
      if (plan.error) {
        if (!(await this.failed(plan, found.file, workspace))) return;
        force.push('--force');
        continue;
      }
      await this.diffs.show(vscode.l10n.t('Deploy {0}', plan.app ?? name), diffOf(plan, found.file));
      const answer = await this.answer(plan, falTarget(found.file));
      if (answer === 'elsewhere' && (await changeTarget(found.file))) continue;
      if (answer !== 'deploy') return;
      const done = await run(vscode.l10n.t('Windtunnel: deploying {0}', name), '--yes', ...force);
      await (done.error ? this.failed(done, found.file, workspace) : this.succeeded(done));
      return;
    }
  }

  /** A list that stays open: the changes can be read, and scrolled, beside it. */
  private async answer({ app, account, checks, ...plan }: Deployment, { environment }: FalTarget) {
    const summary = planSummary(plan)?.join(' · ') ?? null;
    const deploy = {
      label: `$(cloud-upload) ${vscode.l10n.t('Deploy')}`,
      description: summary === null ? vscode.l10n.t('not deployed yet') : summary || vscode.l10n.t('nothing changes'),
      answer: 'deploy' as const,
    };
    const leave = { label: `$(close) ${vscode.l10n.t('Leave It as It Is')}`, answer: 'leave' as const };
    const elsewhere = {
      label: `$(settings-gear) ${vscode.l10n.t('Another Environment, Profile or Team')}`,
      description: [environment || 'main', account?.profile, account?.team].filter(Boolean).join(' · '),
      answer: 'elsewhere' as const,
    };
    // Errors too, where it is deployed in spite of them.
    const found = checks.filter(({ state }) => state === 'warning' || state === 'error');
    const warned = found.map(({ state, message, hint }) => ({
      label: `$(${state}) ${message}`,
      answer: 'log' as const,
      ...(hint === undefined ? {} : { detail: hint }),
    }));
    const title = vscode.l10n.t('Deploy {0} to {1}?', app ?? '', account?.host ?? '');
    // A warning is there to be read: choosing it opens the checks.
    for (;;) {
      const items = [deploy, leave, elsewhere, ...warned];
      const placeHolder = vscode.l10n.t('What changes stands in the editor below');
      const chosen = await vscode.window.showQuickPick(items, { title, placeHolder, ignoreFocusOut: true });
      if (chosen?.answer !== 'log') return chosen?.answer ?? 'leave';
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

  /** Why nothing was deployed, in one notification. Resolves whether it is to be deployed all the same, where that could work. */
  private async failed({ app, checks, error }: Deployment, file: string, workspace: string): Promise<boolean> {
    if (!error) return false;
    const { code, message, hint, detail } = error;
    const cancelled = code === 'E_CANCELLED';
    const found = checks.find(({ state, line }) => state === 'error' && line !== undefined)?.line;
    const line = found ?? (existsSync(file) ? sentFrame(detail ?? '', readFileSync(file, 'utf8')) : null);
    const at = line === null ? ownFrame(detail ?? '', [workspace]) : { file, line };
    const [show, log] = [vscode.l10n.t('Show Line'), vscode.l10n.t('Show Log')];
    const force = vscode.l10n.t('Deploy All the Same');
    // An app that cannot be loaded, or a remote that does not answer, is not mended by insisting.
    const canForce = code === 'E_DEPLOY_CHECKS' && app !== null;
    const actions = [...(at && !cancelled ? [show] : []), ...(canForce ? [force] : []), log];
    const text = hint && !canForce ? `${message}${/[.!?]$/.test(message) ? '' : '.'} ${hint}` : message;
    const chosen = cancelled
      ? await vscode.window.showInformationMessage(text, ...actions)
      : await vscode.window.showErrorMessage(text, ...actions);
    if (chosen === log) this.tasks.showLog();
    if (chosen === show && at) {
      const place = new vscode.Position(at.line - 1, 0);
      await vscode.window.showTextDocument(vscode.Uri.file(at.file), { selection: new vscode.Range(place, place) });
    }
    return chosen === force;
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
