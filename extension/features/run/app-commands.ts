import * as vscode from 'vscode';
import type { ClientLanguage } from '../../../emulator/contract/index.ts';
import { type CommandArgument, isNode } from '../../core/app-target.ts';
import type { KnownApp } from '../../core/app-tree.ts';
import { type ClientCall, clientCode } from '../../core/client-code.ts';
import { isRow } from '../../core/row.ts';
import type { Emulators } from '../emulator/emulators.ts';
import type { WorkspaceApps } from '../explorer/workspace-apps.ts';
import type { AppLogs } from '../logs/app-logs.ts';
import { runInTerminal } from '../terminal/cli-terminal.ts';
import type { LastInputs } from './last-inputs.ts';
import { pickApp } from './pick-app.ts';
import { askInput, offeredInput } from './request-input.ts';
import type { AppRunner } from './run-app.ts';

export interface CommandContext {
  apps: WorkspaceApps;
  runner: AppRunner;
  emulators: Emulators;
  logs: AppLogs;
  inputs: LastInputs;
  emulatorJs: string;
}

/** Commands of one app, its endpoints and its requests. */
export function registerAppCommands(context: CommandContext): vscode.Disposable {
  const { apps, runner, emulators, logs } = context;
  const command = (name: string, action: (argument: CommandArgument, ...more: unknown[]) => Promise<unknown>) =>
    vscode.commands.registerCommand(`windtunnel.${name}`, action);
  const onApp = (action: (app: KnownApp) => Promise<unknown>, which?: 'running') => {
    return async (argument: CommandArgument) => {
      const app = await pickApp(apps, argument, which);
      return app && action(app);
    };
  };
  return vscode.Disposable.from(
    command(
      'app.run',
      onApp((app) => runner.run(app)),
    ),
    command(
      'app.stop',
      onApp((app) => runner.stop(app), 'running'),
    ),
    command(
      'app.restart',
      onApp((app) => runner.restart(app), 'running'),
    ),
    command(
      'app.showLogs',
      onApp(async (app) => logs.show(app.found.file)),
    ),
    command('app.openSource', async (argument) => {
      const app = await pickApp(apps, argument);
      if (!app) return;
      const isEndpoint = isNode(argument) && argument.kind === 'endpoint';
      await openAt(app.found.file, isEndpoint ? argument.endpoint.lines.start : app.found.lines.start);
    }),
    command('endpoint.call', async (argument, path) => {
      const app = await pickApp(apps, argument);
      if (!app) return;
      await call(context, app, endpointPath(argument, path, app));
    }),
    ...(['curl', 'python', 'javascript'] as const).map((language) =>
      command(`endpoint.copyAs${capitalized(language)}`, async (argument, path) => {
        if (isRow(argument) && argument.at?.app) {
          const { workspace, app: id } = argument.at;
          return copy(language, { app: id, path: '/', url: emulators.of(workspace).status?.url ?? '', input: '{}' });
        }
        const app = await pickApp(apps, argument, 'running');
        if (app) await copyCode(context, app, endpointPath(argument, path, app), language);
      }),
    ),
  );
}

/** The endpoint that a command is about: named, chosen in the explorer, else the first that takes requests. */
export function endpointPath(argument: CommandArgument, path: unknown, app: KnownApp): string {
  if (typeof path === 'string') return path;
  if (isNode(argument) && argument.kind === 'endpoint') return argument.endpoint.path;
  return app.found.endpoints.find(({ kind }) => kind === 'http')?.path ?? '/';
}

/** Asks for the input, sends it through the queue with the CLI's own `call`, in a terminal that keeps the answer. */
async function call(context: CommandContext, app: KnownApp, path: string): Promise<void> {
  const input = await askInput(context, app, path, vscode.l10n.t('Call {0}', path));
  if (input === null) return;
  const live = app.live ?? (await context.runner.run(app));
  if (!live) return;
  const target = path === '/' ? live.id : `${live.id}${path}`;
  runInTerminal(context.emulatorJs, workspaceOf(context, app), ['call', target, '--logs', '--input', input]);
}

async function copyCode(context: CommandContext, app: KnownApp, path: string, language: ClientLanguage): Promise<void> {
  const status = context.emulators.of(app.found.file).status;
  if (!app.live || !status) return;
  const input = await offeredInput(context, app, path);
  await copy(language, { app: app.live.id, path, url: status.url, input });
}

async function copy(language: ClientLanguage, call: ClientCall): Promise<void> {
  await vscode.env.clipboard.writeText(clientCode(language, call));
  vscode.window.setStatusBarMessage(vscode.l10n.t('Copied'), 2000);
}

const workspaceOf = ({ emulators }: CommandContext, { found }: KnownApp): string => emulators.of(found.file).workspace;

async function openAt(file: string, line: number): Promise<void> {
  const at = new vscode.Position(Math.max(0, line - 1), 0);
  await vscode.window.showTextDocument(vscode.Uri.file(file), { selection: new vscode.Range(at, at) });
}

const capitalized = (word: string): string => word.slice(0, 1).toUpperCase() + word.slice(1);
