import * as vscode from 'vscode';
import { type AppTarget, appAtLine, type CommandArgument, isNode, isTarget } from '../../core/app-target.ts';
import { appLabel, appSummary, type KnownApp } from '../../core/app-tree.ts';
import type { WorkspaceApps } from '../explorer/workspace-apps.ts';

/** The app that a command is about: what it was called with, else the one at the cursor, else the user's choice, maybe of those that run. */
export async function pickApp(
  apps: WorkspaceApps,
  argument: CommandArgument,
  which: 'any' | 'running' = 'any',
): Promise<KnownApp | null> {
  const fits = (app: KnownApp) => which === 'any' || app.live !== null;
  if (isNode(argument)) return (await fresh(apps, argument.app.found)) ?? argument.app;
  if (isTarget(argument)) return fresh(apps, argument);
  const editor = vscode.window.activeTextEditor;
  if (editor) {
    const here = await apps.lookInto(editor.document.uri.fsPath);
    const app = appAtLine(here, editor.selection.active.line + 1);
    if (app && fits(app)) return app;
  }
  await apps.ready();
  const candidates = apps.list().filter(fits);
  if (candidates.length === 0) {
    void vscode.window.showInformationMessage(
      which === 'running'
        ? vscode.l10n.t('No fal app runs in this window.')
        : vscode.l10n.t('No fal app was found in this window.'),
    );
    return null;
  }
  if (candidates.length === 1) return candidates[0] ?? null;
  // What runs is what most commands are meant for.
  const ranked = [...candidates].sort((one, other) => Number(other.live !== null) - Number(one.live !== null));
  const items = ranked.map((app) => ({
    label: appLabel(app),
    description: app.relativePath,
    detail: appSummary(app),
    app,
  }));
  const chosen = await vscode.window.showQuickPick(items, {
    title: 'Windtunnel',
    placeHolder: vscode.l10n.t('Which app?'),
  });
  return chosen?.app ?? null;
}

const fresh = async (apps: WorkspaceApps, { file, symbol }: AppTarget): Promise<KnownApp | null> =>
  (await apps.lookInto(file)).find(({ found }) => found.symbol === symbol) ?? null;
