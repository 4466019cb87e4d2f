import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { notificationCensus } from './support/notification-census.ts';
import { useWorkbench } from './support/use-workbench.ts';

const workspace = (name: string) => path.join(import.meta.dirname, name);
const { open } = useWorkbench();

test('one notification at most for what a user does, and none for what an app prints', {
  timeout: 400_000,
}, async () => {
  const here = await open({
    files: [workspace('workspace-noisy/noisy.py'), workspace('workspace/broken.py')],
    // The rows of a terminal are drawn as text then.
    settings: { 'terminal.integrated.gpuAcceleration': 'off' },
  });
  const taken = await notificationCensus(here);
  const census: Record<string, string[]> = {};
  const act = async (name: string, action: () => Promise<void>) => {
    await action();
    census[name] = await taken();
  };
  await here.showView();
  const row = here.row('Apps', 'noisy');
  const press = async (label: string) => {
    await row.hover();
    await row.locator(`.action-label[aria-label^="${label}"]`).click();
  };

  await act('run', async () => {
    await press('Run App');
    await here.row('Apps', /Runners/).waitFor();
    await here.row('Apps', 'local/noisy').locator('.codicon-circle-filled').waitFor();
  });
  await act('200 lines of log', async () => {
    expect(await here.post('/run/local/noisy', {})).toMatchObject({ status: 200 });
    await here.row('Apps', /Requests/).waitFor();
  });
  await act('a request that fails', async () => {
    expect(await here.post('/run/local/noisy/fail', {})).toMatchObject({ status: 500 });
    await here.expand(here.row('Apps', /Requests/));
    await here.row('Apps', /500/).waitFor();
  });
  await act('a save', async () => {
    const file = path.join(here.emulator.workspace, 'noisy.py');
    const revision = async () => (await here.emulator.client.status()).apps[0]?.revision;
    const before = await revision();
    writeFileSync(file, readFileSync(file, 'utf8').replace('"lines": 200', '"lines": 201'));
    await expect.poll(revision, { timeout: 90_000, interval: 200 }).not.toBe(before);
  });
  await act('copy, refresh, open', async () => {
    const { page } = here;
    await here.openFile('noisy.py');
    for (const title of ['Copy as curl', 'Copy as Python', 'Copy as JavaScript', 'Copy Address of Emulator']) {
      await here.runCommand(`Windtunnel: ${title}`);
      await expect.poll(() => page.evaluate('navigator.clipboard.readText()'), { timeout: 60_000 }).not.toBe('');
      await page.evaluate("navigator.clipboard.writeText('')");
    }
    await here.runCommand('Windtunnel: Refresh Apps');
    await here.runCommand('Windtunnel: Open Timeline');
    await here
      .panel()
      .getByText(/\d requests/)
      .waitFor();
  });
  await act('logs, filter, engine, secret', async () => {
    const { page } = here;
    const input = page.locator('.quick-input-widget:visible input.input');
    const answer = async (title: string, text: string) => {
      await page.locator('.quick-input-title', { hasText: title }).waitFor();
      await input.fill(text);
      await input.press('Enter');
    };
    await here.choose('Windtunnel: Show Logs', 'noisy');
    await page
      .locator('.part.panel .view-line', { hasText: /runner|reload/ })
      .first()
      .waitFor();
    await here.runCommand('Windtunnel: Filter Apps…');
    await answer('Filter Apps', 'nothing of that name');
    await here.welcome('windtunnel.apps', 'welcome.filtered').waitFor();
    await here.runCommand('Windtunnel: Clear Filter of Apps');
    await row.waitFor();
    await here.choose('Windtunnel: Switch Engine…', /^process/);
    await here.runCommand('Windtunnel: Set Secret…');
    await answer('1/2', 'HF_TOKEN');
    await answer('2/2', 'hf_secret');
    await expect.poll(async () => (await here.emulator.client.secrets()).length, { timeout: 90_000 }).toBe(1);
  });
  await act('call', async () => {
    await here.openFile('noisy.py');
    await here.runCommand('Windtunnel: Call Endpoint in Terminal…');
    await here.page.locator('.quick-input-title', { hasText: 'Call /' }).waitFor();
    const requests = here.row('Apps', /Requests/);
    const before = await requests.innerText();
    await here.page.keyboard.press('Enter');
    await expect.poll(() => requests.innerText(), { timeout: 90_000 }).not.toBe(before);
    // The answer stays to be read.
    const answered = /"lines": ?201[\s\S]*Press a key to close this terminal/;
    await expect.poll(() => here.terminalText().catch(() => ''), { timeout: 90_000 }).toMatch(answered);
  });
  await act('restart', async () => {
    const runner = async () => (await here.emulator.client.status()).apps[0]?.runners.at(-1)?.id ?? '';
    const before = await runner();
    await here.runCommand('Windtunnel: Restart App');
    await expect.poll(runner, { timeout: 90_000, interval: 200 }).not.toBe(before);
    await here.row('Apps', 'local/noisy').locator('.codicon-circle-filled').waitFor();
  });
  await act('doctor', async () => {
    await here.runCommand('Windtunnel: Doctor');
    await here.row('Doctor', /^python/).waitFor();
    await here.fold('Doctor');
  });
  await act('stop', async () => {
    await press('Stop App');
    await here.status().filter({ hasNotText: ': 1' }).waitFor();
  });
  await act('an app that does not start', async () => {
    const broken = here.row('Apps', 'broken');
    await broken.hover();
    await broken.locator('.action-label[aria-label^="Run App"]').click();
    await here.toast("KeyError: 'missing'").waitFor();
  });
  const counts = Object.fromEntries(Object.entries(census).map(([name, shown]) => [name, shown.length]));
  expect(counts, JSON.stringify(census)).toEqual({
    run: 0,
    '200 lines of log': 0,
    'a request that fails': 0,
    'a save': 0,
    'copy, refresh, open': 0,
    'logs, filter, engine, secret': 0,
    call: 0,
    restart: 0,
    doctor: 0,
    stop: 0,
    'an app that does not start': 1,
  });
});
