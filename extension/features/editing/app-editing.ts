import * as vscode from 'vscode';
import type { Finder } from '../../../emulator/find/finder.ts';
import { machineText, machineTypeAt, type Suggestion, suggestions } from '../../core/python-editing.ts';
import { thisMachine } from '../../platform/host.ts';
import type { Emulators } from '../emulator/emulators.ts';

const PYTHON = { language: 'python', scheme: 'file' } as const;

/** Hover on a machine type; completion of machine types and of the attributes of a fal.App. */
export function registerAppEditing(finder: () => Promise<Finder>, emulators: Emulators): vscode.Disposable {
  return vscode.Disposable.from(
    vscode.languages.registerHoverProvider(PYTHON, {
      provideHover: (document, position) => machineHover(document, position, gpusOf(emulators)),
    }),
    vscode.languages.registerCompletionItemProvider(
      PYTHON,
      {
        provideCompletionItems: async (document, position) => {
          const before = document.lineAt(position).text.slice(0, position.character);
          const apps = (await finder()).findInSource(document.getText(), document.uri.fsPath);
          return suggestions(apps, position.line + 1, before).map(completion);
        },
      },
      '"',
      "'",
    ),
  );
}

/** The GPUs of this machine, as an emulator of this window sees them; null while none runs. */
function gpusOf(emulators: Emulators): string[] | null {
  const [status] = emulators.all.flatMap((session) => session.status ?? []);
  if (!status) return null;
  return status.gpus.map(({ name, vramBytes }) => (vramBytes ? `${name} (${Math.round(vramBytes / 1e9)} GB)` : name));
}

function machineHover(
  document: vscode.TextDocument,
  position: vscode.Position,
  gpus: string[] | null,
): vscode.Hover | null {
  const at = machineTypeAt(document.lineAt(position).text, position.character);
  const text = at && machineText(at.name, { ...thisMachine(), gpus });
  if (!at || !text) return null;
  const markdown = new vscode.MarkdownString(text);
  markdown.isTrusted = { enabledCommands: ['windtunnel.doctor.run'] };
  return new vscode.Hover(markdown, new vscode.Range(position.line, at.start, position.line, at.end));
}

function completion({ label, kind, detail, insert }: Suggestion): vscode.CompletionItem {
  const kinds = { attribute: vscode.CompletionItemKind.Property, machine: vscode.CompletionItemKind.EnumMember };
  const item = new vscode.CompletionItem(label, kinds[kind]);
  item.detail = detail;
  item.insertText = new vscode.SnippetString(insert);
  return item;
}
