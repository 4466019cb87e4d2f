import * as vscode from 'vscode';
import { type AppTarget, appAtLine, type CommandArgument, isNode, isTarget } from '../../core/app-target.ts';
import { appLabel, appSummary, type KnownApp } from '../../core/app-tree.ts';
import type { WorkspaceApps } from '../explorer/workspace-apps.ts';

/** The app that a command is about: what it was called with, else the one at the cursor, else the user's choice. */
export async function pickApp(
  apps: WorkspaceApps,
  argument: CommandArgument,
  fits: (app: KnownApp) => boolean = () => true,
): Promise<KnownApp | null> {
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
    void vscode.window.showInformationMessage(vscode.l10n.t('There is no such fal app in this window.'));
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
