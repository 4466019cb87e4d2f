import { existsSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import * as z from 'zod/mini';
import { TEMPLATES, toWindtunnelError } from '../../../emulator/contract/index.ts';
import { runCliOk } from '../../platform/emulator-cli.ts';

const MadeSchema = z.object({ folder: z.string(), files: z.array(z.string()) });

const ICONS: Record<keyof typeof TEMPLATES, string> = {
  image: 'file-media',
  streaming: 'list-flat',
  realtime: 'radio-tower',
  server: 'server',
  container: 'package',
};

/** *New App*: template, name, place; then what `windtunnel new` makes is opened. */
export function registerNewApp(emulatorJs: string): vscode.Disposable {
  return vscode.commands.registerCommand('windtunnel.app.new', async () => {
    try {
      await newApp(emulatorJs);
    } catch (thrown) {
      void vscode.window.showErrorMessage(toWindtunnelError(thrown).message);
    }
  });
}

async function newApp(emulatorJs: string): Promise<void> {
  const template = await vscode.window.showQuickPick(
    Object.entries(TEMPLATES).map(([name, description]) => ({
      label: `$(${ICONS[name as keyof typeof TEMPLATES]}) ${name}`,
      // In the bundle by `test/docs/generated-docs.ts`: the command line has the same texts.
      description: vscode.l10n.t(description),
      name,
    })),
    { title: vscode.l10n.t('New App (1/2)'), placeHolder: vscode.l10n.t('What it does'), ignoreFocusOut: true },
  );
  if (!template) return;
  const parent = await parentFolder();
  if (!parent) return;
  const name = await vscode.window.showInputBox({
    title: vscode.l10n.t('New App (2/2)'),
    prompt: vscode.l10n.t('Name of the app and of its folder in {0}', parent),
    value: freeName(parent, `my-${template.name}`),
    validateInput: (text) => nameProblem(parent, text),
    ignoreFocusOut: true,
  });
  if (name === undefined) return;
  const folder = path.join(parent, name);
  const made = MadeSchema.parse(
    JSON.parse(await runCliOk(emulatorJs, ['new', template.name, folder, '--json'], { cwd: parent })),
  );
  const inWindow = vscode.workspace.getWorkspaceFolder(vscode.Uri.file(made.folder));
  if (inWindow) {
    await vscode.window.showTextDocument(vscode.Uri.file(path.join(made.folder, 'app.py')), { preview: false });
  } else {
    // A window without a folder gets this one: only there the app can be found, run and debugged.
    await vscode.commands.executeCommand('vscode.openFolder', vscode.Uri.file(made.folder));
  }
}

async function parentFolder(): Promise<string | null> {
  const folders = vscode.workspace.workspaceFolders ?? [];
  if (folders.length > 1) return (await vscode.window.showWorkspaceFolderPick())?.uri.fsPath ?? null;
  if (folders[0]) return folders[0].uri.fsPath;
  const chosen = await vscode.window.showOpenDialog({
    canSelectFiles: false,
    canSelectFolders: true,
    title: vscode.l10n.t('Where the folder of the app is made'),
    openLabel: vscode.l10n.t('Make It Here'),
  });
  return chosen?.[0]?.fsPath ?? null;
}

function freeName(parent: string, wanted: string): string {
  for (let count = 1; ; count += 1) {
    const name = count === 1 ? wanted : `${wanted}-${count}`;
    if (!existsSync(path.join(parent, name))) return name;
  }
}

function nameProblem(parent: string, name: string): string | null {
  if (!/^[\p{L}\d][\p{L}\d _-]*$/u.test(name))
    return vscode.l10n.t('Letters, digits, - and _; a letter or digit first.');
  return existsSync(path.join(parent, name)) ? vscode.l10n.t('{0} is there already.', name) : null;
}
