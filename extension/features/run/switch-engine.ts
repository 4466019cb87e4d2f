import * as vscode from 'vscode';
import type { KnownApp } from '../../core/app-tree.ts';
import type { WorkspaceApps } from '../explorer/workspace-apps.ts';
import type { Engine } from './chosen-engine.ts';
import type { AppRunner } from './run-app.ts';

/**
 * *Switch Engine*: what apps of this workspace are run in from now on. Those that run elsewhere go on until the user lets them
 * start again. A key binding may name the engine.
 */
export function registerSwitchEngine(apps: WorkspaceApps, runner: AppRunner): vscode.Disposable {
  return vscode.commands.registerCommand('windtunnel.engine.switch', async (given?: unknown) => {
    const settings = vscode.workspace.getConfiguration('windtunnel.engine');
    const current = settings.get<Engine>('default', 'auto');
    const words: Record<Engine, string> = {
      auto: vscode.l10n.t('What the app really needs: Docker for a container image, else a process'),
      process: vscode.l10n.t('A process in a cached virtual environment; needs no Docker'),
      docker: vscode.l10n.t("A container, with the machine type's limits"),
    };
    const engines = Object.keys(words) as Engine[];
    const items = engines.map((engine) => ({
      label: engine,
      description: engine === current ? vscode.l10n.t('now') : '',
      detail: words[engine],
      engine,
    }));
    const title = vscode.l10n.t('Switch Engine');
    const placeHolder = vscode.l10n.t('What apps of this workspace are run in from now on');
    const named = engines.find((engine) => engine === given);
    const engine = named ?? (await vscode.window.showQuickPick(items, { title, placeHolder }))?.engine;
    if (engine === undefined || engine === current) return;
    await settings.update('default', engine, vscode.ConfigurationTarget.Workspace);
    if (engine !== 'auto')
      await offerRestart(
        apps.list().filter(({ live }) => live && live.engine !== engine),
        engine,
        runner,
      );
  });
}

async function offerRestart(elsewhere: readonly KnownApp[], engine: Engine, runner: AppRunner): Promise<void> {
  if (elsewhere.length === 0) return;
  const again = vscode.l10n.t('Run Again');
  const names = elsewhere.map(({ live }) => live?.id).join(', ');
  const text = vscode.l10n.t('{0} still runs elsewhere. Run it again in {1}?', names, engine);
  if ((await vscode.window.showInformationMessage(text, again)) !== again) return;
  for (const app of elsewhere) {
    await runner.stop(app);
    await runner.run(app);
  }
}
