import * as vscode from 'vscode';
import { askExampleInput } from '../../../emulator/client/example-input.ts';
import type { KnownApp } from '../../core/app-tree.ts';
import type { Emulators } from '../emulator/emulators.ts';
import type { LastInputs } from './last-inputs.ts';

export interface InputSources {
  emulators: Emulators;
  inputs: LastInputs;
}

/** The input of an endpoint to begin with, as JSON: the last one, else the app's own example where it runs, else `{}`. */
export async function offeredInput({ emulators, inputs }: InputSources, app: KnownApp, path: string): Promise<string> {
  const last = inputs.of(app, path);
  if (last !== null) return last;
  const session = emulators.of(app.found.file);
  const { client, status } = session;
  if (!app.live || !client || !status) return '{}';
  const headers = await session.callHeaders('example');
  return JSON.stringify(await askExampleInput({ client, url: status.url, app: app.live.id, path, headers }));
}

/** Asks for the input of an endpoint, and keeps it as its last one; null: given up. */
export async function askInput(
  sources: InputSources,
  app: KnownApp,
  path: string,
  title: string,
): Promise<string | null> {
  const input = await vscode.window.showInputBox({
    title,
    prompt: vscode.l10n.t('Input of the endpoint, as JSON'),
    value: await offeredInput(sources, app, path),
    validateInput: jsonProblem,
    ignoreFocusOut: true,
  });
  if (input === undefined) return null;
  await sources.inputs.keep(app, path, input);
  return input;
}

function jsonProblem(text: string): string | null {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
