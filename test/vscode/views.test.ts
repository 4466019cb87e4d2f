import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { StandInRemote } from '../support/stand-in-remote.ts';
import { notificationCensus } from './support/notification-census.ts';
import { useWorkbench } from './support/use-workbench.ts';
import { THEMES, type Workbench } from './support/workbench.ts';

// One workbench for the file, and a second Windtunnel that stands in for fal's cloud. Each test brings about what it needs itself, so
// that it can run alone, and a second time.

const GREETER = path.join(import.meta.dirname, 'workspace/greeter.py');
let remote: StandInRemote | undefined;

const bench = useWorkbench(async () => {
  await remote?.dispose();
  remote = await StandInRemote.start([GREETER]);
  return {
    files: [GREETER],
    env: (env) => (remote ? remote.in(env) : env),
    // As text in the page: a canvas could not be read.
    settings: { 'terminal.integrated.gpuAcceleration': 'off' },
  };
});
afterAll(() => remote?.dispose(), 120_000);

const standIn = (): StandInRemote => {
  if (!remote) throw new Error('There is no remote.');
  return remote;
};
/** `local/greeter` at the remote, unless a test before has put it there. */
const deployedThere = async () => {
  const { emulator } = standIn();
  const { apps } = await emulator.client.status();
  if (apps.some(({ id }) => id === 'local/greeter')) return;
  const { code, stdout, stderr } = await emulator.exec('fal', ['deploy', 'greeter.py']);
  expect(code, stdout + stderr).toBe(0);
};

/** The first of what a list offers that has this text. */
const listed = (at: Workbench, text: string) =>
  at.page.locator('.quick-input-widget:visible .quick-input-list .monaco-list-row', { hasText: text }).first();
const printed = (at: Workbench, text: string | RegExp) =>
  expect.poll(() => at.terminalText().catch(() => ''), { timeout: 90_000 }).toMatch(text);
const type = async (at: Workbench, text: string) => {
  await at.page.locator('.terminal-wrapper.active .xterm-screen').click();
  await at.page.keyboard.type(`${text}\n`);
};

test('every view says what it is for while it is empty', { timeout: 300_000 }, async () => {
  const at = bench.shared;
  await at.showView();
  await at.welcomes('welcome-empty', {
    'Deployed Here': at.welcome('windtunnel.deployed', 'welcome.deployed'),
    Remote: at.welcome('windtunnel.remote', 'welcome.remote'),
    Emulator: at.welcome('windtunnel.emulator', 'welcome.emulator'),
    Doctor: at.welcome('windtunnel.doctor', 'welcome.doctor'),
  });
});

test('a filter that no app has says so, with the way back', { timeout: 300_000 }, async () => {
  const at = bench.shared;
  await at.showView();
  await at.row('Apps', 'greeter').waitFor();
  await at.runCommand('Windtunnel: Filter Apps…');
  const input = at.page.locator('.quick-input-widget:visible input.input');
  await at.page.locator('.quick-input-title', { hasText: 'Filter Apps' }).waitFor();
  await input.fill('nothing of that name');
  await input.press('Enter');
  await at.welcome('windtunnel.apps', 'welcome.filtered').waitFor();
  await at.pictures('welcome-filtered');
  await at.pane('Apps').getByRole('button', { name: 'Clear Filter', exact: true }).first().click();
  await at.row('Apps', 'greeter').waitFor();
});

test('Remote says when nobody is logged in, or what went wrong, and looks again', { timeout: 300_000 }, async () => {
  const at = bench.shared;
  const { url } = standIn().emulator;
  // The fal of the workspace's own environment comes first.
  const own = path.join(at.emulator.workspace, '.venv');
  const look = (name: string) => at.pane('Remote').getByRole('button', { name }).first().click();
  await at.showView();
  await at.unfold('Remote');
  try {
    await standIn().writeFal(path.join(own, 'bin'), 'python', (name, value) => (name === 'FAL_KEY' ? '' : value));
    await at.runCommand('Windtunnel: Look at My fal Account');
    await at.welcome('windtunnel.remote', 'welcome.remote.signedOut').waitFor();
    await at.pane('Remote').getByRole('button', { name: 'Log In' }).first().waitFor();
    await at.pictures('welcome-signed-out');
    // Where nothing listens.
    await standIn().writeFal(path.join(own, 'bin'), 'python', (_name, value) =>
      value.replaceAll(new URL(url).host, '127.0.0.1:1'),
    );
    await look('Look Again');
    await at.welcome('windtunnel.remote', 'welcome.remote.failed').waitFor();
    await at.toast('Connection refused').waitFor();
    await at.pictures('welcome-remote-failed');
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
  await look('Look Again');
  await at.row('Remote', 'Secrets').waitFor();
  await at.fold('Remote');
});

test('Doctor shows each check with its fix below it', { timeout: 300_000 }, async () => {
  const at = bench.shared;
  await at.runCommand('Windtunnel: Doctor');
  await at.row('Doctor', /^python/).waitFor();
  await at.row('Doctor', /^docker/).waitFor();
  await at.spoken('Doctor', /^python, passed, /).waitFor();
  await at.pictures('doctor');
  await at.fold('Doctor');
});

test('Set Secret puts it into the one store', { timeout: 300_000 }, async () => {
  const at = bench.shared;
  await at.runCommand('Windtunnel: Set Secret…');
  const input = at.page.locator('.quick-input-widget:visible input.input');
  await at.page.locator('.quick-input-title', { hasText: '1/2' }).waitFor();
  await input.fill('1st');
  await at.page.locator('.quick-input-message', { hasText: 'no digit first' }).waitFor();
  await input.fill('HF_TOKEN');
  await input.press('Enter');
  await at.page.locator('.quick-input-title', { hasText: '2/2' }).waitFor();
  await input.fill('hf_secret');
  await input.press('Enter');
  await expect
    .poll(async () => (await at.emulator.client.secrets()).map(({ name }) => name), { timeout: 90_000 })
    .toEqual(['HF_TOKEN']);
});

test('File > New has New App', { timeout: 300_000 }, async () => {
  const at = bench.shared;
  await at.runCommand('Create: New File...');
  await at.page
    .locator('.quick-input-widget:visible .quick-input-list .monaco-list-row', { hasText: 'fal App (Windtunnel)' })
    .click();
  await at.page.locator('.quick-input-title', { hasText: 'New App (1/2)' }).waitFor();
  await at.page.keyboard.press('Escape');
});

test('Deploy to a second Windtunnel that stands in for the cloud: what changes in a diff, a question, and it is there', {
  timeout: 300_000,
}, async () => {
  const at = bench.shared;
  const { client } = standIn().emulator;
  const apps = async () => (await client.status()).apps.map(({ id }) => id);
  for (const id of await apps()) await client.remove(id);
  await at.openFile('greeter.py');
  await at.runCommand('Windtunnel: Deploy to fal…');
  await at.page.locator('.quick-input-title', { hasText: 'Deploy local/greeter to' }).waitFor();
  await at.page.locator('.tab.active', { hasText: 'Deploy local/greeter' }).waitFor();
  await at.line('machine: XS').waitFor();
  await listed(at, 'Leave It as It Is').click();
  expect(await apps()).toEqual([]);

  await at.runCommand('View: Close All Editors');
  await at.openFile('greeter.py');
  await at.runCommand('Windtunnel: Deploy to fal…');
  await at.line('machine: XS').waitFor();
  await at.pictures('deploy');
  await listed(at, 'Deploy').click();
  await at.toast('local/greeter is deployed, and answers at').waitFor();
  expect(await apps()).toEqual(['local/greeter']);

  // The second time the code that is deployed is known as well.
  await at.runCommand('View: Close All Editors');
  await at.openFile('greeter.py');
  await at.runCommand('Windtunnel: Deploy to fal…');
  await at.page.locator('.multiDiffEntry', { hasText: 'greeter.py' }).waitFor();
  await at.pictures('deploy-again');
  await listed(at, 'nothing changes').waitFor();
  await at.page.keyboard.press('Escape');
});

test('a hover tells what a machine type has at fal, and what this machine has', { timeout: 300_000 }, async () => {
  const at = bench.shared;
  const file = path.join(at.emulator.workspace, 'sized.py');
  writeFileSync(
    file,
    'import fal\n\n\nclass Sized(fal.App):\n    machine_type = "GPU-H100"\n\n    @fal.endpoint("/")\n    def run(self) -> dict:\n        return {}\n',
  );
  await at.runCommand('View: Close All Editors');
  await at.openFile('sized.py');
  const hover = at.page.locator('.monaco-hover', { hasText: '80 GB of GPU memory' });
  await at.line('machine_type').getByText('GPU-H100').click();
  await at.runCommand('Show or Focus Hover');
  await hover.getByText('This machine has').waitFor();
  await at.pictures('hover');
  await at.runCommand('View: Close All Editors');
  rmSync(file);
});

/** Deploys a file of the workspace up to the question, and answers it. */
const deployAnswering = async (at: Workbench, file: string, choice: string) => {
  await at.runCommand('Notifications: Clear All Notifications');
  await at.runCommand('View: Close All Editors');
  await at.openFile(file);
  await at.runCommand('Windtunnel: Deploy to fal…');
  await listed(at, choice).click();
};

test('a deployment whose setup raises says so with the exception, and leads to the line', {
  timeout: 300_000,
}, async () => {
  const at = bench.shared;
  cpSync(path.join(import.meta.dirname, 'workspace/broken.py'), path.join(at.emulator.workspace, 'broken.py'));
  await deployAnswering(at, 'broken.py', 'Deploy');
  const toast = at.toast("KeyError: 'missing'");
  await toast.waitFor();
  await at.picture('deploy-failed');
  expect(await at.page.locator('.notifications-toasts .notification-list-item').count()).toBe(1);
  await at.runCommand('View: Close All Editors');
  await toast.hover();
  await toast.locator('.monaco-button', { hasText: 'Show Line' }).click();
  await at.page.locator('.tab.active', { hasText: 'broken.py' }).waitFor();
  await at.page.locator('.statusbar-item[id="status.editor.selection"]', { hasText: 'Ln 9' }).waitFor();
  rmSync(path.join(at.emulator.workspace, 'broken.py'));
});

test('a deployment that is cancelled says so, once, with its log', { timeout: 300_000 }, async () => {
  const at = bench.shared;
  const [file, mark] = [path.join(at.emulator.workspace, 'slow.py'), path.join(at.emulator.folder, 'in-setup')];
  const setup = `open("${mark}", "w").close()\n        time.sleep(3600)`;
  writeFileSync(
    file,
    `import time\nimport fal\n\n\nclass Slow(fal.App):\n    def setup(self):\n        ${setup}\n\n    @fal.endpoint("/")\n    def run(self) -> dict:\n        return {}\n`,
  );
  await deployAnswering(at, 'slow.py', 'Deploy');
  const progress = at.toast('Windtunnel: deploying slow');
  await progress.waitFor();
  await expect.poll(() => existsSync(mark), { timeout: 90_000 }).toBe(true);
  await progress.hover();
  await progress.locator('.monaco-button', { hasText: 'Cancel' }).click();
  const toast = at.toast('Interrupted while fal deployed');
  await toast.waitFor();
  await progress.waitFor({ state: 'detached' });
  await at.picture('deploy-cancelled');
  expect(await at.page.locator('.notifications-toasts .notification-list-item').count()).toBe(1);
  await toast.hover();
  await toast.locator('.monaco-button', { hasText: 'Show Log' }).click();
  await at.page.locator('.part.panel .view-line', { hasText: 'Aborted.' }).first().waitFor();
  rmSync(file);
});

test('a failed check can be overruled, and another environment be chosen, before anything is deployed', {
  timeout: 300_000,
}, async () => {
  const at = bench.shared;
  const file = path.join(at.emulator.workspace, 'wanting.py');
  const made = await standIn().emulator.exec('fal', ['environments', 'create', 'staging']);
  expect(made.code, made.stdout + made.stderr).toBe(0);
  writeFileSync(
    file,
    'import fal\n\n\nclass Wanting(fal.App):\n    app_files = []\n    secrets = ["NOT_THERE"]\n\n    @fal.endpoint("/")\n    def run(self) -> dict:\n        return {}\n',
  );
  await at.runCommand('Notifications: Clear All Notifications');
  await at.runCommand('View: Close All Editors');
  await at.openFile('wanting.py');
  await at.runCommand('Windtunnel: Deploy to fal…');
  const failed = at.toast('NOT_THERE is not set');
  await failed.waitFor();
  await failed.hover();
  await failed.locator('.monaco-button', { hasText: 'Deploy All the Same' }).click();
  await listed(at, 'NOT_THERE is not set').waitFor();
  await at.picture('deploy-overruled');
  await listed(at, 'Another Environment').click();
  await at.page.locator('.quick-input-title', { hasText: 'Deploy Elsewhere' }).waitFor();
  await listed(at, 'Environment').click();
  const input = at.page.locator('.quick-input-widget:visible input.input');
  await at.page.locator('.quick-input-title', { hasText: 'Deploy Elsewhere: Environment' }).waitFor();
  await input.fill('staging');
  await input.press('Enter');
  await at.page.locator('.quick-input-title', { hasText: 'Deploy local/wanting--staging to' }).waitFor();
  const settings = () => JSON.parse(readFileSync(path.join(at.emulator.workspace, '.vscode/settings.json'), 'utf8'));
  expect(settings()).toMatchObject({ 'windtunnel.deploy.environment': 'staging' });
  // And back: by the same way, for the editor need not see that the file is gone.
  await listed(at, 'Another Environment').click();
  await at.page.locator('.quick-input-title', { hasText: 'Deploy Elsewhere' }).waitFor();
  await listed(at, 'Environment').click();
  await at.page.locator('.quick-input-title', { hasText: 'Deploy Elsewhere: Environment' }).waitFor();
  await input.fill('');
  await input.press('Enter');
  await at.page.locator('.quick-input-title', { hasText: 'Deploy local/wanting to' }).waitFor();
  await listed(at, 'Leave It as It Is').click();
  expect(settings()).not.toHaveProperty(['windtunnel.deploy.environment']);
  rmSync(file);
  const { apps } = await standIn().emulator.client.status();
  expect(apps.filter(({ id }) => id.includes('wanting'))).toEqual([]);
});

test('Remote shows what that account holds', { timeout: 300_000 }, async () => {
  const at = bench.shared;
  await deployedThere();
  await standIn().emulator.client.setSecret('FAR_AWAY', 'x');
  await at.showView();
  await at.unfold('Remote');
  await at.runCommand('Windtunnel: Look at My fal Account');
  const app = at.row('Remote', 'local/greeter');
  await app.waitFor();
  await at.expand(app);
  await at.row('Remote', 'serves').waitFor();
  await at.spoken('Remote', /^\w{8}, revision, serves, /).waitFor();
  await at.expand(at.row('Remote', 'Secrets'));
  await at.row('Remote', 'FAR_AWAY').waitFor();
  for (const theme of THEMES) {
    await at.theme(theme);
    await at.picture(`views-${theme.kind}`);
  }
  await at.fold('Remote');
});

test('Compare shows the answers of both sides in a diff', { timeout: 300_000 }, async () => {
  const at = bench.shared;
  await deployedThere();
  await at.runCommand('View: Close All Editors');
  await at.openFile('greeter.py');
  // It does not run here yet: that comes first.
  const shown = await notificationCensus(at);
  await at.runCommand('Windtunnel: Compare with Remote…');
  // Nobody has called it from here: what it needs is offered.
  const input = at.page.locator('.quick-input-widget:visible input.input');
  await at.page.locator('.quick-input-title', { hasText: 'Compare local/greeter' }).waitFor();
  expect(await input.inputValue()).toBe('{"name":"name"}');
  await input.press('Enter');
  await at.page.locator('.tab.active', { hasText: 'the same output' }).waitFor();
  await at.line('Hello, name!').waitFor();
  expect((await shown()).filter((text) => !text.includes('the same request here and at fal'))).toEqual([]);
  await at.line('in all:').waitFor();
  await at.pictures('compare');
});

test('Deployed Here shows what fal deploy put into the emulator, with its runner', { timeout: 300_000 }, async () => {
  const at = bench.shared;
  await at.runCommand('Windtunnel: Start Emulator');
  await expect.poll(() => at.emulator.running, { timeout: 90_000 }).toBe(true);
  // The fal of the tests' own environment, led here: that of the editor leads to the remote.
  const deployed = await at.emulator.exec('fal', ['deploy', 'greeter.py', '--app-name', 'put-here']);
  expect(deployed.code, deployed.stdout + deployed.stderr).toBe(0);
  await at.showView();
  await at.unfold('Deployed Here');
  await at.row('Deployed Here', 'local/put-here').waitFor();
  const runner = at.row('Deployed Here', 'IDLE');
  await at.spoken('Deployed Here', /^local\/put-here, ready, /).waitFor();
  await runner.hover();
  await runner.locator('.action-label[aria-label^="Stop Runner"]').click();
  await runner.waitFor({ state: 'detached' });
  await at.fold('Deployed Here');
});

test('a terminal has windtunnel on its path, leads to the emulator, and says so', { timeout: 300_000 }, async () => {
  const at = bench.shared;
  await at.runCommand('Windtunnel: Start Emulator');
  await expect.poll(() => at.emulator.running, { timeout: 90_000 }).toBe(true);
  await at.runCommand('Terminal: Create New Terminal');
  await at.page.locator('.terminal-wrapper.active .xterm-rows').waitFor();
  await type(at, 'windtunnel ps');
  await printed(at, `${at.emulator.url}  pid`);
  await type(at, 'echo "to=$WINDTUNNEL_URL"');
  await printed(at, `to=${at.emulator.url}`);
  await at.runCommand('Terminal: Show Environment Contributions');
  await at.line('leads to the emulator at').waitFor();
});

test('the steps of the walkthrough are done by doing them', { timeout: 300_000 }, async () => {
  const at = bench.shared;
  const walkthrough = () => at.choose('Welcome: Open Walkthrough...', 'Run fal apps on this machine');
  const step = (id: string, state: 'checked' | 'unchecked') =>
    at.page
      .locator(`.getting-started-step[data-step-id$="#${id}"] .codicon-getting-started-step-${state}`)
      .waitFor({ state: 'attached' });
  // An app that the editor shows before the walkthrough is opened counts too.
  await at.runCommand('View: Close All Editors');
  await at.showView();
  await at.openFile('greeter.py');
  await at.row('Apps', 'greeter').waitFor();
  await walkthrough();
  await step('app', 'checked');
  await step('doctor', 'unchecked');
  await at.page.getByRole('button', { name: 'Open Doctor' }).click();
  await step('doctor', 'checked');
  await at.row('Doctor', 'python').waitFor();
  // The page of the walkthroughs brings itself to the front again when a step is done.
  await at.runCommand('View: Close All Editors');
  await at.page.locator('.tab').first().waitFor({ state: 'detached' });
  await at.openFile('greeter.py');
  await at.runCommand('Windtunnel: Run App');
  await at.row('Apps', 'local/greeter').waitFor();
  await at.runCommand('Windtunnel: Open Playground');
  await at.panel().locator('form').first().waitFor();
  await walkthrough();
  for (const done of ['run', 'call']) await step(done, 'checked');
  await step('debug', 'unchecked');
  await at.pictures('walkthrough');
});
