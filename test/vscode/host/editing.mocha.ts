import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, it } from 'mocha';
import * as vscode from 'vscode';
import type { ExtensionApi } from '../../../extension/main.ts';
import { until } from './conditions.ts';

const SOURCE = `from __future__ import annotations
import fal


class Typed(fal.App):
    machine_type = "GPU-H10"
    max_concurency = 2

    @fal.endpoint("/")
    def run(self) -> dict:
        return {}
`;

describe('a file that is typed', () => {
  let document: vscode.TextDocument;
  const findings = () => vscode.languages.getDiagnostics(document.uri).filter(({ source }) => source === 'fal');
  const lineOf = (text: string) => SOURCE.split('\n').findIndex((line) => line.includes(text));

  before(async () => {
    const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? '';
    const file = vscode.Uri.file(path.join(folder, 'typed.py'));
    await vscode.workspace.fs.writeFile(file, Buffer.from(SOURCE));
    document = await vscode.workspace.openTextDocument(file);
    await vscode.window.showTextDocument(document);
  });
  after(async () => {
    await vscode.commands.executeCommand('workbench.action.revertAndCloseActiveEditor');
    await vscode.workspace.fs.delete(document.uri);
    const { apps } = await vscode.extensions.getExtension<ExtensionApi>('windtunnel.windtunnel')!.activate();
    await apps.ready();
    await until('the end of its app', () => apps.list().every(({ found }) => found.symbol !== 'Typed'));
  });

  it('has what will go wrong at fal marked, before it is saved', async () => {
    await until('the findings', () => findings().length === 3);
    assert.deepEqual(
      findings().map(({ code }) => code),
      ['future-annotations', 'machine-type', 'attribute'],
    );
  });

  it('is mended by its quick fixes', async () => {
    for (const [text, fixed] of [
      ['GPU-H10', 'GPU-H100'],
      ['max_concurency', 'max_concurrency'],
    ] as const) {
      const line = lineOf(text);
      const column = (SOURCE.split('\n')[line] ?? '').indexOf(text) + 1;
      const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
        'vscode.executeCodeActionProvider',
        document.uri,
        new vscode.Range(line, column, line, column),
      );
      const fix = actions.find(({ title }) => title.includes(fixed));
      assert.ok(fix?.edit, `a fix to ${fixed}`);
      await vscode.workspace.applyEdit(fix.edit);
      const version = document.version;
      await until(
        'the finding goes',
        () =>
          document.version === version &&
          !findings().some(({ message }) => message.includes(`${text} `) || message.includes(`"${text}"`)),
      );
    }
    assert.match(document.getText(), /machine_type = "GPU-H100"/);
  });

  it('tells what a machine type has', async () => {
    const line = lineOf('machine_type');
    const hovers = await vscode.commands.executeCommand<vscode.Hover[]>(
      'vscode.executeHoverProvider',
      document.uri,
      new vscode.Position(line, 22),
    );
    const text = hovers
      .flatMap(({ contents }) => contents)
      .map((one) => (typeof one === 'string' ? one : one.value))
      .join('\n');
    assert.match(text, /80 GB of GPU memory/);
  });

  it('completes the attributes of an app', async () => {
    const line = lineOf('max_concurency');
    const list = await vscode.commands.executeCommand<vscode.CompletionList>(
      'vscode.executeCompletionItemProvider',
      document.uri,
      new vscode.Position(line, 7),
    );
    assert.ok(list.items.some(({ label }) => label === 'keep_alive'));
  });
});
