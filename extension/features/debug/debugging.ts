import * as vscode from 'vscode';
import type { CommandArgument } from '../../core/app-target.ts';
import type { KnownApp } from '../../core/app-tree.ts';
import { type LaunchConfig, launchProblem } from '../../core/launch-config.ts';
import type { Emulators } from '../emulator/emulators.ts';
import type { WorkspaceApps } from '../explorer/workspace-apps.ts';
import type { StartFailures } from '../problems/start-failures.ts';
import { pickApp } from '../run/pick-app.ts';
import { tellEditorOfApps } from './app-files.ts';
import { registerBreakpointReports } from './breakpoint-help.ts';
import { AppDebugSession } from './debug-session.ts';

const TYPE = 'windtunnel';

export interface Debugging {
  apps: WorkspaceApps;
  emulators: Emulators;
  failures: StartFailures;
  /** Folder of the harness. */
  harness: string;
}

/** The debug type `windtunnel`: F5 with and without a launch configuration, and the command behind *Debug*. */
export function registerDebugging(parts: Debugging): vscode.Disposable {
  const { apps, emulators, failures, harness } = parts;
  return vscode.Disposable.from(
    vscode.debug.registerDebugConfigurationProvider(TYPE, {
      provideDebugConfigurations: async () => {
        await apps.ready();
        return apps.list().map((app) => configurationOf(app, true));
      },
      resolveDebugConfiguration: async (_folder, config) => {
        if (config.type) return config;
        const app = await pickApp(apps, undefined);
        return app ? configurationOf(app, false) : undefined;
      },
      resolveDebugConfigurationWithSubstitutedVariables: (_folder, config) => {
        const problem = launchProblem(config);
        if (problem === null) return config;
        void vscode.window.showErrorMessage(vscode.l10n.t('The launch configuration "{0}": {1}', config.name, problem));
        // Undefined would end it without a word; null opens launch.json.
        return null;
      },
    }),
    vscode.debug.registerDebugConfigurationProvider(
      TYPE,
      {
        provideDebugConfigurations: async () => {
          await apps.ready();
          return apps.list().map((app) => configurationOf(app, false));
        },
      },
      vscode.DebugConfigurationProviderTriggerKind.Dynamic,
    ),
    vscode.debug.registerDebugAdapterDescriptorFactory(TYPE, {
      createDebugAdapterDescriptor: (debugged) => {
        const config = debugged.configuration as unknown as LaunchConfig;
        const session = emulators.of(config.file);
        const restart = async (changes: Partial<LaunchConfig>) => {
          await vscode.debug.stopDebugging(debugged);
          await vscode.debug.startDebugging(debugged.workspaceFolder, { ...debugged.configuration, ...changes });
        };
        const context = { session, failures, config, harness, restart };
        return new vscode.DebugAdapterInlineImplementation(new AppDebugSession(context));
      },
    }),
    vscode.commands.registerCommand('windtunnel.app.debug', async (argument: CommandArgument) => {
      const app = await pickApp(apps, argument);
      if (!app) return;
      const folder = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(app.found.file));
      await vscode.debug.startDebugging(folder, configurationOf(app, false));
    }),
    registerBreakpointReports(),
    tellEditorOfApps(apps),
  );
}

/** A configuration for one app; `portable` for launch.json, where it names the file by its folder. */
function configurationOf({ found, relativePath }: KnownApp, portable: boolean): vscode.DebugConfiguration {
  return {
    type: TYPE,
    request: 'launch',
    name: `Windtunnel: ${found.name || found.symbol}`,
    file: portable ? `\${workspaceFolder}/${relativePath}` : found.file,
    symbol: found.symbol,
  };
}
