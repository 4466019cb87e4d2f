import * as vscode from 'vscode';
import { type CommandArgument, isNode } from '../../core/app-target.ts';
import { requestSummary, runnerSummary } from '../../core/app-tree.ts';
import { isRow } from '../../core/row.ts';
import type { EmulatorSession } from '../emulator/emulator-session.ts';
import type { Emulators } from '../emulator/emulators.ts';

/** A runner or a request, and the emulator that has it. */
export interface Picked {
  session: EmulatorSession;
  id: string;
}

/** The runner that a command is about: chosen in a view, the only one there is, else the user's choice. */
export function pickRunner(emulators: Emulators, argument: CommandArgument): Promise<Picked | null> {
  if (isRow(argument) && argument.at?.runner) return given(emulators, argument.at.workspace, argument.at.runner);
  if (isNode(argument) && argument.kind === 'runner')
    return given(emulators, argument.app.found.file, argument.runner.id);
  const items = emulators.all.flatMap((session) =>
    (session.status?.apps ?? []).flatMap(({ id: app, runners }) =>
      runners.map((runner) => ({
        label: app,
        description: runner.id.slice(0, 8),
        detail: runnerSummary(runner),
        session,
        id: runner.id,
      })),
    ),
  );
  return chosen(items, { none: vscode.l10n.t('No runner lives here.'), which: vscode.l10n.t('Which runner?') });
}

/** The same for a request, among the latest. `queued`: one with a record. */
export function pickRequest(emulators: Emulators, argument: CommandArgument, queued = false): Promise<Picked | null> {
  if (isRow(argument) && argument.at?.request) return given(emulators, argument.at.workspace, argument.at.request);
  if (isNode(argument) && argument.kind === 'request')
    return given(emulators, argument.app.found.file, argument.request.id);
  const items = emulators.all.flatMap((session) =>
    (session.status?.apps ?? [])
      .flatMap(({ id }) => session.requests.of(id))
      .filter(({ kind }) => !queued || kind === 'queued')
      .map((request) => ({
        label: `${request.id.slice(0, 8)}  ${request.path}`,
        description: request.app,
        detail: requestSummary(request),
        session,
        id: request.id,
      })),
  );
  return chosen(items, {
    none: vscode.l10n.t('No request of these apps is known.'),
    which: vscode.l10n.t('Which request?'),
  });
}

const given = (emulators: Emulators, path: string, id: string): Promise<Picked> =>
  Promise.resolve({ session: emulators.of(path), id });

async function chosen<Item extends vscode.QuickPickItem & Picked>(
  items: Item[],
  { none, which }: { none: string; which: string },
): Promise<Picked | null> {
  if (items.length === 0) void vscode.window.showInformationMessage(none);
  if (items.length <= 1) return items[0] ?? null;
  return (await vscode.window.showQuickPick(items, { title: 'Windtunnel', placeHolder: which })) ?? null;
}
