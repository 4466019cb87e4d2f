import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'mocha';
import * as vscode from 'vscode';
import { mark } from '../../../emulator/import/report.ts';
import { until } from './conditions.ts';

// Its report has rows of each level, some of them marked in the code.
const FIXTURE = 'emulator/import/fixtures/modal/extras/source';

describe('what an import leaves to a person', () => {
  let folder = '';
  let document: vscode.TextDocument;
  const problems = () =>
    vscode.languages.getDiagnostics(document.uri).filter(({ source }) => source === 'windtunnel import');
  const codeOf = ({ code }: vscode.Diagnostic) => String(typeof code === 'object' ? code.value : code);
  const from = ({ relatedInformation: [original] = [] }: vscode.Diagnostic) => original?.location.range.start.line;
  const marked = (line: number) => document.lineAt(line).text.split(mark(''))[1]?.split(' ')[0];
  /** Of a row, and of those that stand in the same line. */
  const fixes = async (row: vscode.Diagnostic) => {
    const all = await vscode.commands.executeCommand<vscode.CodeAction[]>(
      'vscode.executeCodeActionProvider',
      document.uri,
      row.range,
      vscode.CodeActionKind.QuickFix.value,
    );
    return {
      settled: all.find(({ title }) => title === `${codeOf(row)} is settled`),
      originals: all.filter(({ title }) => title === 'Show what it was'),
    };
  };
  const inLineOf = (row: vscode.Diagnostic) =>
    problems().filter(({ range }) => range.start.line === row.range.start.line);
  /** What the editor does when a fix is chosen. */
  const choose = async ({ edit, command }: vscode.CodeAction) => {
    if (edit) assert.ok(await vscode.workspace.applyEdit(edit));
    if (command) await vscode.commands.executeCommand(command.command, ...(command.arguments ?? []));
  };
  const problem = (which: (one: vscode.Diagnostic) => boolean) => {
    const found = problems().find(which);
    assert.ok(found, JSON.stringify(problems().map(codeOf)));
    return found;
  };

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'import-'));
    const root = vscode.extensions.getExtension('windtunnel.windtunnel')?.extensionPath ?? '';
    const source = path.join(folder, 'extras');
    cpSync(path.join(root, FIXTURE), source, { recursive: true });
    const imported = vscode.Uri.file(path.join(folder, 'extras-fal/extras.py'));
    // Both wait for an answer: where it goes, and whether it is to be run.
    void vscode.commands.executeCommand('windtunnel.app.import', vscode.Uri.file(source));
    await until('the diff', async () => {
      const { activeTab } = vscode.window.tabGroups.activeTabGroup;
      if (activeTab?.input instanceof vscode.TabInputTextDiff) return true;
      // The proposed folder.
      await vscode.commands.executeCommand('workbench.action.acceptSelectedQuickOpenItem');
      return false;
    });
    void vscode.commands.executeCommand('windtunnel.import.takeAll');
    await until('the problems', () => vscode.languages.getDiagnostics(imported).length > 0);
    document = await vscode.workspace.openTextDocument(imported);
  });
  after(async () => {
    await document.save();
    await vscode.commands.executeCommand('workbench.action.closeAllEditors');
    rmSync(folder, { recursive: true, force: true });
  });

  it('has for each row its fixes: settled for all, what it was for those that came from a line', async () => {
    assert.ok(problems().length >= 5);
    for (const one of problems()) {
      const { settled, originals } = await fixes(one);
      assert.ok(settled, `${codeOf(one)} can be settled`);
      assert.equal(originals.length, inLineOf(one).filter((row) => from(row) !== undefined).length, codeOf(one));
    }
  });

  it('shows the line that a row came from', async () => {
    const one = problem((row) => from(row) !== undefined && inLineOf(row).length === 1);
    const [original] = (await fixes(one)).originals;
    assert.ok(original);
    await choose(original);
    const editor = await until('the source', () => {
      const { activeTextEditor: active } = vscode.window;
      return active?.document.uri.fsPath === path.join(folder, 'extras/extras.py') ? active : null;
    });
    assert.equal(editor.selection.start.line, from(one));
  });

  it('a settled row is gone, and its mark in the code with it; the others stay', async () => {
    const one = problem(({ range }) => marked(range.start.line) !== undefined);
    const { line } = one.range.start;
    const [before, text] = [problems().length, document.lineAt(line).text];
    const atMarks = () => problems().filter((row) => marked(row.range.start.line) === codeOf(row)).length;
    const marks = atMarks();
    assert.ok(marks > 1);
    assert.equal(marked(line), codeOf(one));
    const { settled } = await fixes(one);
    assert.ok(settled);
    await choose(settled);
    await until('the end of the row', () => problems().length === before - 1);
    assert.notEqual(document.lineAt(line).text, text);
    // The rows below have moved with their lines.
    assert.equal(atMarks(), marks - 1);
  });

  it('a row without a mark is settled without a change of the code', async () => {
    const one = problem(({ range }) => marked(range.start.line) === undefined);
    const [before, text] = [problems().length, document.getText()];
    const { settled } = await fixes(one);
    assert.ok(settled);
    assert.equal(settled.edit, undefined);
    await choose(settled);
    await until('the end of the row', () => problems().length === before - 1);
    assert.equal(document.getText(), text);
  });
});
