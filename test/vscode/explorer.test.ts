import { cpSync, existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { useWorkbench } from './support/use-workbench.ts';

const app = (name: string) => path.join(import.meta.dirname, 'workspace', name);
const MARKED = path.join(import.meta.dirname, 'apps/marked.py');
const { open } = useWorkbench();

test('an app goes from its source through run, request and stop, all by mouse', { timeout: 300_000 }, async () => {
  const at = await open({ files: [app('greeter.py')] });
  await at.showView();
  const row = at.row('Apps', 'greeter');
  await row.waitFor();
  await at.picture('explorer-stopped');
  await row.hover();
  await row.locator('.action-label[aria-label^="Run App"]').click();
  const live = at.row('Apps', 'local/greeter');
  await live.waitFor();
  await at.row('Apps', /Runners/).waitFor();
  await at.status().filter({ hasText: 'Windtunnel: 1' }).waitFor();
  const answer = await fetch(`${at.emulator.url}/run/local/greeter`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'Ada' }),
  });
  expect(await answer.json()).toEqual({ text: 'Hello, Ada!' });
  await at.expand(at.row('Apps', /Requests/));
  await at.row('Apps', /200/).waitFor();
  await at.expand(at.row('Apps', /Runners/));
  await at.row('Apps', /IDLE/).waitFor();
  await at.spoken('Apps', 'local/greeter, ready, 1 runner, greeter.py').waitFor();
  await at.spoken('Apps', /^\w{8} \/, request, done, 200, /).waitFor();
  await at.spoken('Apps', /^\w{8}, runner, IDLE/).waitFor();
  await at.pictures('explorer-running');
  await live.hover();
  await live.locator('.action-label[aria-label^="Stop App"]').click();
  await at.status().filter({ hasNotText: ': 1' }).waitFor();
  await at.row('Apps', /Runners/).waitFor({ state: 'detached' });
});

test('a failed start tells its cause in one notification, which leads to the line', { timeout: 300_000 }, async () => {
  const at = await open({ files: [app('broken.py')] });
  await at.showView();
  const row = at.row('Apps', 'broken');
  await row.hover();
  await row.locator('.action-label[aria-label^="Run App"]').click();
  const toast = at.toast("KeyError: 'missing'");
  await toast.waitFor();
  await at.picture('failed-start');
  expect(await toast.count()).toBe(1);
  await toast.locator('.monaco-button', { hasText: 'Show Line' }).click();
  await at.page.locator('.tab.active', { hasText: 'broken.py' }).waitFor();
  await at.line('self.table["missing"]').waitFor();
  await at.page.locator('.statusbar-item[id="status.editor.selection"]', { hasText: 'Ln 9' }).waitFor();
});

test('a window without a folder says what to do', { timeout: 300_000 }, async () => {
  const at = await open({ files: [], noFolder: true });
  await at.showView();
  await at.welcome('windtunnel.apps', 'welcome.noFolder').waitFor();
  await at.picture('welcome-no-folder');
});

test('an empty folder says what to do; a machine without Python and Docker what it lacks, and where to get it', {
  timeout: 300_000,
}, async () => {
  const none = { PATH: '/nowhere', PYENV_ROOT: '/nowhere', UV_PYTHON_INSTALL_DIR: '/nowhere' };
  const at = await open({
    files: [],
    env: (env) => ({ ...env, ...none, DOCKER_HOST: 'unix:///nowhere/docker.sock' }),
  });
  await at.showView();
  await at.welcome('windtunnel.apps', 'welcome.noApp').waitFor();
  await at.welcome('windtunnel.emulator', 'welcome.emulator').waitFor();
  await at.pictures('welcome-no-app');
  await at.runCommand('Windtunnel: Doctor');
  await at.row('Doctor', /^python/).waitFor();
  await at.fold('Doctor');
  await at.welcome('windtunnel.apps', 'welcome.noPython').waitFor();
  await at.welcome('windtunnel.emulator', 'welcome.noPython').waitFor();
  await at.welcome('windtunnel.emulator', 'welcome.noDocker').waitFor();
  await at.unfold('Remote');
  await at.pane('Remote').getByRole('button', { name: 'Look at My fal Account' }).first().click();
  await at.welcome('windtunnel.remote', 'welcome.remote.noFal').waitFor();
  await at.pictures('welcome-no-python');
});

test('an untrusted folder shows its apps, runs no line of them, and says in each view how that changes', {
  timeout: 300_000,
}, async () => {
  const at = await open({
    files: [MARKED],
    workspaceTrust: true,
    // The newest VS Code would show its page of trust above all else.
    settings: { 'security.workspace.trust.startupPrompt': 'never', 'workbench.editor.useModal': 'off' },
  });
  await at.showView();
  const row = at.row('Apps', 'marked');
  const ran = () => existsSync(path.join(at.emulator.workspace, 'ran.txt'));
  await row.waitFor();
  await row.hover();
  await row.locator('.action-label.disabled[aria-label^="Run App"]').waitFor();
  await at.welcomes('welcome-untrusted', {
    'Deployed Here': at.welcome('windtunnel.deployed', 'welcome.untrusted'),
    Remote: at.welcome('windtunnel.remote', 'welcome.untrusted'),
    Emulator: at.welcome('windtunnel.emulator', 'welcome.untrusted'),
    Doctor: at.welcome('windtunnel.doctor', 'welcome.untrusted'),
  });
  await at.openFile('marked.py');
  await at.page.locator('.codelens-decoration', { hasText: 'Call (emulator)' }).first().waitFor();
  expect(await at.page.locator('.codelens-decoration', { hasText: 'Run (emulator)' }).count()).toBe(0);
  await at.page.keyboard.press('F5');
  // VS Code's own question.
  const question = at.page.locator('.monaco-dialog-box', { hasText: 'trust' });
  await question.waitFor();
  await question.getByRole('button', { name: 'Cancel' }).click();
  await question.waitFor({ state: 'detached' });
  await at.runCommand('View: Close All Editors');
  // Also where there is no row that could be run.
  rmSync(path.join(at.emulator.workspace, 'marked.py'));
  await row.waitFor({ state: 'detached' });
  await at.welcome('windtunnel.apps', 'welcome.untrusted').waitFor();
  expect([ran(), at.emulator.running]).toEqual([false, false]);

  // The same file once the folder is trusted: it does leave its trace.
  cpSync(MARKED, path.join(at.emulator.workspace, 'marked.py'));
  await at.runCommand('Workspaces: Manage Workspace Trust');
  await at.page.locator('.workspace-trust-editor').getByRole('button', { name: 'Trust', exact: true }).click();
  await row.hover();
  await row.locator('.action-label:not(.disabled)[aria-label^="Run App"]').click();
  await at.row('Apps', 'local/marked').waitFor();
  await expect.poll(ran, { timeout: 90_000 }).toBe(true);
});
