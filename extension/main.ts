import { config as useTexts } from '@vscode/l10n';
import * as vscode from 'vscode';
import type { Finder } from '../emulator/find/finder.ts';
import { registerDebugging } from './features/debug/debugging.ts';
import { registerDeployCommands } from './features/deploy/deploy-commands.ts';
import { DoctorView } from './features/doctor/doctor.view.ts';
import { registerAppEditing } from './features/editing/app-editing.ts';
import { SourceFindings } from './features/editing/source-findings.ts';
import { registerEmulatorCommands } from './features/emulator/emulator-commands.ts';
import { Emulators } from './features/emulator/emulators.ts';
import { registerEmulatorViews } from './features/explorer/emulator.view.ts';
import { ExplorerView } from './features/explorer/explorer.view.ts';
import { WorkspaceApps } from './features/explorer/workspace-apps.ts';
import { AppImport } from './features/importer/import-app.ts';
import { AppLenses } from './features/lenses/app-lenses.provider.ts';
import { AppLogs } from './features/logs/app-logs.ts';
import { PlaygroundPanels } from './features/playground/playground.panels.ts';
import { StartFailures } from './features/problems/start-failures.ts';
import { RemoteView } from './features/remote/remote.view.ts';
import { registerAppCommands } from './features/run/app-commands.ts';
import { LastInputs } from './features/run/last-inputs.ts';
import { registerLiveCommands } from './features/run/live-commands.ts';
import { AppRunner } from './features/run/run-app.ts';
import { registerSwitchEngine } from './features/run/switch-engine.ts';
import { registerNewApp } from './features/scaffold/new-app.ts';
import { StatusBar } from './features/status/status-bar.ts';
import { registerTerminalEnvironment } from './features/terminal/terminal-environment.ts';
import { TimelinePanels } from './features/timeline/timeline.panel.ts';

/** What other extensions, and tests, get. */
export interface ExtensionApi {
  apps: WorkspaceApps;
  emulators: Emulators;
  remote: Pick<RemoteView, 'state' | 'holdings'>;
  doctor: Pick<DoctorView, 'checks'>;
}

/** Wires the features. Starts no process, reads no file: that waits for the first view or command. */
export function activate(context: vscode.ExtensionContext): ExtensionApi {
  // The core knows no editor: it has the same texts by this.
  useTexts({ contents: vscode.l10n.bundle ?? {} });
  const dist = vscode.Uri.joinPath(context.extensionUri, 'dist');
  const emulatorJs = vscode.Uri.joinPath(dist, 'emulator.js').fsPath;
  const finder = lazily(async (): Promise<Finder> => {
    const { createFinder } = await import('../emulator/find/finder.ts');
    return createFinder({ wasmDir: dist.fsPath });
  });
  const own = <T extends vscode.Disposable>(resource: T): T => {
    context.subscriptions.push(resource);
    return resource;
  };
  const log = own(vscode.window.createOutputChannel('Windtunnel', { log: true }));
  const emulators = own(new Emulators(emulatorJs));
  const apps = own(new WorkspaceApps(emulators, finder, log));
  const logs = own(new AppLogs(emulators));
  const failures = own(new StartFailures(logs));
  const runner = new AppRunner(emulators, failures, log);
  own(new StatusBar(emulators));
  own(new ExplorerView(apps, context.workspaceState));
  own(registerEmulatorViews(emulators));
  const remote = own(new RemoteView(emulators, emulatorJs));
  const doctor = own(new DoctorView(emulators, emulatorJs));
  own(vscode.languages.registerCodeLensProvider({ language: 'python', scheme: 'file' }, own(new AppLenses(apps))));
  const inputs = new LastInputs(context.workspaceState);
  const commands = { apps, runner, emulators, logs, inputs, emulatorJs };
  own(registerAppCommands(commands));
  own(registerLiveCommands(commands));
  own(registerSwitchEngine(apps, runner));
  own(registerDeployCommands(commands));
  own(registerTerminalEnvironment(context, emulators));
  const playgrounds = own(new PlaygroundPanels({ apps, runner, emulators, logs, inputs }, context.extensionUri));
  const editInPlayground = (file: string, symbol: string, request: string) =>
    playgrounds.edit({ file, symbol }, request);
  own(new TimelinePanels({ emulators, editInPlayground }, context.extensionUri));
  own(registerDebugging({ apps, emulators, failures, harness: vscode.Uri.joinPath(dist, 'runner').fsPath }));
  own(registerEmulatorCommands(emulators));
  own(registerNewApp(emulatorJs));
  own(new AppImport(emulatorJs));
  own(new SourceFindings(finder));
  own(registerAppEditing(finder, emulators));
  own(vscode.commands.registerCommand('windtunnel.apps.refresh', () => apps.rescan()));
  own(emulators.onEvent((happened) => failures.follow(happened)));
  return { apps, emulators, remote, doctor };
}

function lazily<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
