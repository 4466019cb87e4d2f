import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'mocha';
import * as vscode from 'vscode';
import type { ExtensionApi } from '../../../extension/main.ts';
import { until } from './conditions.ts';

const folder = () => vscode.workspace.workspaceFolders?.[0]?.uri.fsPath ?? '';
const greeter = () => ({ file: path.join(folder(), 'greeter.py'), symbol: 'Greeter' });
const run = (command: string, ...given: unknown[]) => vscode.commands.executeCommand(`windtunnel.${command}`, ...given);
const activate = () => {
  const extension = vscode.extensions.getExtension<ExtensionApi>('windtunnel.windtunnel');
  assert.ok(extension);
  return extension.activate();
};
const sessionHere = async () => (await activate()).emulators.of(folder());
const live = async () => {
  const { apps } = await activate();
  await apps.ready();
  return apps.list().find(({ found }) => found.symbol === 'Greeter')?.live ?? null;
};
const copied = async (command: string, ...given: unknown[]) => {
  await run(command, ...given);
  return vscode.env.clipboard.readText();
};
const terminal = (name: string) =>
  until(`terminal ${name}`, () => vscode.window.terminals.find((one) => one.name === name));

describe('the manifest', () => {
  it('puts at most three inline actions on a node, each of them in the palette too', async () => {
    const manifest = vscode.extensions.getExtension('windtunnel.windtunnel')?.packageJSON as {
      contributes: { menus: Record<string, { command: string; when: string; group?: string }[]> };
    };
    const { menus } = manifest.contributes;
    const inline = (menus['view/item/context'] ?? []).filter(({ group }) => group?.startsWith('inline'));
    assert.ok(inline.length > 0);
    for (const { when } of inline) assert.ok(inline.filter((one) => one.when === when).length <= 3, when);
    // The text of a row, of a view or of a report, is all that a palette could not know.
    assert.deepEqual(
      (menus.commandPalette ?? []).map(({ command, when }) => [command, when]),
      [
        ['windtunnel.row.copy', 'false'],
        ['windtunnel.import.settle', 'false'],
      ],
    );
  });
});

describe('the doctor', () => {
  it('says what this machine has', async () => {
    await run('doctor.run');
    const { doctor } = await activate();
    assert.equal(doctor.checks.find(({ name }) => name === 'python')?.state, 'ok');
    assert.ok(doctor.checks.some(({ name }) => name === 'docker'));
  });
});

describe('the account at a second Windtunnel that stands in for the cloud', () => {
  it('is not asked unasked', async () => {
    assert.equal((await activate()).remote.state, 'unread');
  });

  it('shows apps, their revision and the names of secrets', async () => {
    await run('remote.refresh');
    const { remote } = await activate();
    assert.equal(remote.state, 'read');
    const [app] = remote.holdings?.apps ?? [];
    assert.equal(app?.alias, 'greeter');
    assert.ok(app?.revisions.some(({ id }) => id === app.revision));
    assert.deepEqual(remote.holdings?.secrets, ['FAR_AWAY']);
  });
});

describe('commands of what runs', () => {
  before(async () => {
    await run('app.run', greeter());
    await until('a runner', async () => (await live())?.runners.some(({ state }) => state === 'IDLE'));
  });
  after(async () => {
    await run('app.stop', greeter());
    await until('its end', async () => (await live()) === null);
    for (const one of vscode.window.terminals) one.dispose();
  });

  it('Copy as curl, Python and JS', async () => {
    const { url } = (await sessionHere()).status ?? {};
    assert.match(
      await copied('endpoint.copyAsCurl', greeter(), '/'),
      new RegExp(`curl -X POST '${url}/queue/local/greeter'`),
    );
    assert.match(await copied('endpoint.copyAsPython', greeter(), '/'), /fal_client\.subscribe\("local\/greeter"/);
    assert.match(await copied('endpoint.copyAsJavascript', greeter(), '/'), /fal\.subscribe\("local\/greeter"/);
  });

  it('Replay Request runs it again, without being told which where there is one', async () => {
    const session = await sessionHere();
    const done = () =>
      session.requests.of('local/greeter').filter(({ kind, status }) => kind === 'queued' && status === 200);
    await fetch(`${session.status?.url}/queue/local/greeter`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'Ada' }),
    });
    await until('the request', () => done().length === 1);
    await run('request.replay');
    await until('the second one', () => done().length === 2);
    await terminal('windtunnel replay');
    const [newest] = done();
    assert.equal(
      await copied('request.copyId', { label: '', icon: '', id: '', at: { workspace: folder(), request: newest?.id } }),
      newest?.id,
    );
  });

  it('Open Shell in Runner', async () => {
    await run('runner.openShell');
    const mark = path.join(folder(), 'shell-was-here');
    const shell = await terminal('windtunnel shell');
    shell.sendText(`echo "$FAL_APP_NAME" > '${mark}'`);
    await until('the mark of the shell', () => existsSync(mark));
    shell.sendText('exit');
  });

  it('Restart App puts another runner in its place', async () => {
    const before = (await live())?.runners.map(({ id }) => id) ?? [];
    await run('app.restart', greeter());
    await until('another runner', async () => {
      const runners = (await live())?.runners ?? [];
      return runners.length === 1 && !before.includes(runners[0]?.id ?? '') && runners[0]?.state === 'IDLE';
    });
  });

  it('Stop Runner', async () => {
    await run('runner.stop');
    await until('its end', async () => (await live())?.runners.length === 0);
  });

  it('Switch Engine sets what apps are run in', async () => {
    const engine = () => vscode.workspace.getConfiguration('windtunnel.engine').get('default');
    await run('engine.switch', 'process');
    assert.equal(engine(), 'process');
    void run('engine.switch');
    // The first of the choices is the active one: auto.
    await until('the choice', async () => {
      await vscode.commands.executeCommand('workbench.action.acceptSelectedQuickOpenItem');
      return engine() === 'auto';
    });
  });
});

describe('the filter of apps', () => {
  it('is set, kept and cleared', async () => {
    await run('apps.filter', 'nothing of that name');
    await run('apps.clearFilter');
  });
});
