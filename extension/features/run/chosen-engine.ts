import * as vscode from 'vscode';

export type Engine = 'auto' | 'process' | 'docker';

/** The engine that the settings name for this file; null leaves it to the emulator. */
export function chosenEngine(file: string): Exclude<Engine, 'auto'> | null {
  const settings = vscode.workspace.getConfiguration('windtunnel.engine', vscode.Uri.file(file));
  const engine = settings.get<Engine>('default', 'auto');
  return engine === 'auto' ? null : engine;
}
