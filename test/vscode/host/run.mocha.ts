import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, describe, it } from 'mocha';
import * as vscode from 'vscode';
import type { EmulatorEvent } from '../../../emulator/contract/index.ts';
import type { ExtensionApi } from '../../../extension/main.ts';
import { until } from './conditions.ts';

const extension = () => {
  const found = vscode.extensions.getExtension<ExtensionApi>('windtunnel.windtunnel');
  assert.ok(found, 'the extension is installed');
  return found;
};
const folder = () => vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? '';
const greeter = () => ({ file: path.join(folder(), 'greeter.py'), symbol: 'Greeter' });
const broken = () => ({ file: path.join(folder(), 'broken.py'), symbol: 'Broken' });

/** From the end of a runner to the word of why, at most. ms. */
const CAUSE_MS = 1000;

/** How the first start of this file's app ended, as the emulator told it. */
async function startEvents(file: string) {
  const { emulators } = await extension().activate();
  const { client, status } = emulators.of(file);
  const id = status?.apps.find((app) => app.file === file)?.id;
  assert.ok(client && id, 'the emulator knows the app');
  let exit: Extract<EmulatorEvent, { type: 'runner.exit' }> | null = null;
  let failed: Extract<EmulatorEvent, { type: 'app.failed' }> | null = null;
  const enough = new AbortController();
  for await (const event of client.events({ replay: true }, enough.signal)) {
    if (event.type === 'runner.exit' && event.app === id) exit ??= event;
    if (event.type === 'app.failed' && event.app === id) failed ??= event;
    if (exit && failed) return { exit, failed };
  }
  throw new assert.AssertionError({ message: 'the emulator told no end of the start' });
}

async function known(symbol: string) {
  const { apps } = await extension().activate();
  await apps.ready();
  return apps.list().find(({ found }) => found.symbol === symbol);
}

describe('the manifest', () => {
  it('registers every command of the manifest, and no other', async () => {
    await extension().activate();
    const manifest = extension().packageJSON as { contributes: { commands: { command: string }[] } };
    const named = manifest.contributes.commands.map(({ command }) => command).sort();
    const registered = (await vscode.commands.getCommands(true))
      .filter((command) => command.startsWith('windtunnel.'))
      // Views bring commands of their own.
      .filter((command) => !/\.(focus|open|resetViewLocation|removeView|toggleVisibility)$/.test(command))
      .sort();
    assert.deepEqual(registered, named);
  });
});

describe('apps', () => {
  it('are found without running them', async () => {
    const { apps } = await extension().activate();
    await apps.ready();
    assert.deepEqual(
      apps
        .list()
        .map(({ found }) => found.symbol)
        .sort(),
      ['Broken', 'Greeter'],
    );
  });

  it('appear when a file is written, and go with it', async () => {
    const { apps } = await extension().activate();
    await apps.ready();
    const file = vscode.Uri.file(path.join(folder(), 'late.py'));
    const source =
      'import fal\n\n\nclass Late(fal.App):\n    @fal.endpoint("/")\n    def run(self) -> dict:\n        return {}\n';
    await vscode.workspace.fs.writeFile(file, Buffer.from(source));
    await until('the new app', () => known('Late'));
    await vscode.workspace.fs.delete(file);
    await until('its end', async () => !(await known('Late')));
  });

  it('have code lenses that name where they run, on unsaved text too', async () => {
    const document = await vscode.workspace.openTextDocument(greeter().file);
    await vscode.window.showTextDocument(document);
    const titles = async () => {
      const lenses = await vscode.commands.executeCommand<vscode.CodeLens[]>(
        'vscode.executeCodeLensProvider',
        document.uri,
        100,
      );
      return lenses.map(({ command }) => command?.title ?? '').filter((title) => title.includes('emulator'));
    };
    await until('lenses', async () => (await titles()).length > 0);
    const shown = await titles();
    assert.ok(shown.some((title) => /Run \(emulator\)/.test(title)));
    assert.equal(shown.filter((title) => /Call \(emulator\)/.test(title)).length, 2);
  });
});

describe('an app that runs', () => {
  it('is served after Run, and answers', async () => {
    await vscode.commands.executeCommand('windtunnel.app.run', greeter());
    const app = await until('the live app', async () => {
      const found = await known('Greeter');
      return found?.live?.runners.some(({ state }) => state === 'IDLE') ? found : null;
    });
    const { emulators } = await extension().activate();
    const url = emulators.of(greeter().file).status?.url;
    const answer = await fetch(`${url}/run/${app.live?.id}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'Ada' }),
    });
    assert.deepEqual(await answer.json(), { text: 'Hello, Ada!' });
  });

  it('shows its requests as they happen', async () => {
    const request = await until('the request', async () => (await known('Greeter'))?.requests[0]);
    assert.equal(request.path, '/');
    await until('its end', async () => (await known('Greeter'))?.requests[0]?.status === 200);
  });

  it('reloads when its file is saved', async () => {
    const { file } = greeter();
    const before = (await known('Greeter'))?.live?.revision;
    const source = readFileSync(file, 'utf8');
    writeFileSync(file, source.replace('"Hello"', '"Good morning"'));
    await until('the new revision', async () => {
      const live = (await known('Greeter'))?.live;
      return live && live.revision !== before && live.runners.some(({ state }) => state === 'IDLE');
    });
    writeFileSync(file, source);
  });

  it('is gone after Stop, with its runners', async () => {
    await vscode.commands.executeCommand('windtunnel.app.stop', greeter());
    await until('its end', async () => (await known('Greeter'))?.live === null);
  });
});

describe('an app whose setup raises', () => {
  it('shows the cause at the line of the user, once', async () => {
    // The notification waits for an answer that no test gives; what it says stands in the problem as well.
    void vscode.commands.executeCommand('windtunnel.app.run', broken());
    const problem = await until('the problem', () =>
      vscode.languages.getDiagnostics(vscode.Uri.file(broken().file)).find(({ source }) => source === 'Windtunnel'),
    );
    assert.equal(problem.range.start.line + 1, 9);
    assert.match(problem.message, /KeyError: 'missing'/);
  });

  it('has that cause within a second of its end, by the times of the emulator', async () => {
    const told = await startEvents(broken().file);
    assert.match(told.failed.error.message, /KeyError: 'missing'/);
    assert.ok(told.failed.at - told.exit.at <= CAUSE_MS, JSON.stringify(told));
  });

  it('loses the problem when it is stopped and mended', async () => {
    const { file } = broken();
    const source = readFileSync(file, 'utf8');
    writeFileSync(file, source.replace('self.table["missing"]', '1'));
    await until('the end of the problem', () =>
      vscode.languages.getDiagnostics(vscode.Uri.file(file)).every(({ source: from }) => from !== 'Windtunnel'),
    );
    writeFileSync(file, source);
    await vscode.commands.executeCommand('windtunnel.app.stop', broken());
  });
});

describe('an app whose server never listens on its port', () => {
  it('shows the port', async () => {
    const file = path.join(folder(), 'no_port.py');
    const target = { file, symbol: 'serve' };
    const source =
      'import fal\n\n\n@fal.function(machine_type="XS", exposed_port=8731)\ndef serve():\n    print("it serves nothing")\n';
    writeFileSync(file, source);
    await until('the app', () => known('serve'));
    void vscode.commands.executeCommand('windtunnel.app.run', target);
    const problem = await until('the problem', () =>
      vscode.languages.getDiagnostics(vscode.Uri.file(file)).find(({ source: from }) => from === 'Windtunnel'),
    );
    assert.match(problem.message, /before anything listened on port 8731, its exposed_port/);
    const told = await startEvents(file);
    assert.ok(told.failed.at - told.exit.at <= CAUSE_MS, JSON.stringify(told));
    await vscode.commands.executeCommand('windtunnel.app.stop', target);
    rmSync(file);
    await until('its end', async () => !(await known('serve')));
  });
});

describe('an app that cannot be imported, or installed', () => {
  const source = (head: string, body: string) =>
    `${head}import fal\n\n\nclass Unable(fal.App):\n${body}    @fal.endpoint("/")\n    def run(self) -> dict:\n        return {}\n`;
  for (const [name, text, words] of [
    ['no_module.py', source('import nowhere_to_be_found\n', ''), /No module named 'nowhere_to_be_found'/],
    ['no_package.py', source('', '    requirements = ["./nowhere-1.0-py3-none-any.whl"]\n'), /nowhere-1\.0/],
  ] as const) {
    it(`shows the cause in the file of the user: ${name}`, async () => {
      const file = vscode.Uri.file(path.join(folder(), name));
      const target = { file: file.fsPath, symbol: 'Unable' };
      await vscode.workspace.fs.writeFile(file, Buffer.from(text));
      await until('the app', () => known('Unable'));
      void vscode.commands.executeCommand('windtunnel.app.run', target);
      const problem = await until('the problem', () =>
        vscode.languages.getDiagnostics(file).find((one) => one.source === 'Windtunnel'),
      );
      assert.match(problem.message, words);
      assert.equal(problem.range.start.line, 0);
      await vscode.commands.executeCommand('windtunnel.app.stop', target);
      await vscode.workspace.fs.delete(file);
      await until('its end', async () => !(await known('Unable')));
    });
  }
});

after(async () => {
  const { emulators } = await extension().activate();
  const session = emulators.of(folder());
  await session.shutdown();
  await until('the end of the emulator', () => session.state.kind === 'stopped');
});
