import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { requires } from '../support/skip.ts';
import { breakpoint, continueOn, shownVariable, stoppedAt } from './support/debugger.ts';
import { Workbench } from './support/workbench.ts';

const app = (name: string) => path.join(import.meta.dirname, 'workspace', name);
let at: Workbench | undefined;

beforeEach(requires('chromium'));
afterEach(async (context) => {
  if (context.task.result?.state === 'fail') await at?.picture(`failed-${context.task.name.slice(0, 40)}`);
  await at?.close();
  at = undefined;
});

test('F5 without a launch.json stops in setup and in an endpoint, with the values to see', {
  timeout: 300_000,
}, async () => {
  at = await Workbench.open({ files: [app('greeter.py')] });
  const { page } = at;
  await at.openFile('greeter.py');
  await page.locator('.codelens-decoration', { hasText: 'Debug (emulator)' }).first().waitFor();
  await breakpoint(at, 'print("greeter is set up")', 1);
  await breakpoint(at, 'print(f"greeting {input.name}")', 2);
  await page.keyboard.press('F5');
  await stoppedAt(at, 'greeter.py', 19);
  await continueOn(at);

  const answer = at.post('/run/local/greeter', { name: 'Ada', count: 2 });
  await stoppedAt(at, 'greeter.py', 24);
  await shownVariable(at, 'Hello, Ada!Hello, Ada!');
  await at.pictures('debug-stopped');
  await continueOn(at);
  expect(await answer).toEqual({ status: 200, body: { text: 'Hello, Ada!Hello, Ada!' } });

  await page.keyboard.press('Shift+F5');
  await page.locator('.part.statusbar.debugging').waitFor({ state: 'detached' });
  await at.status().filter({ hasNotText: ': 1' }).waitFor();
});

test('F5 beside another Python debugger (a stand-in) is ours on a file with an app, and theirs where there is none', {
  timeout: 300_000,
}, async () => {
  at = await Workbench.open({
    files: [app('greeter.py'), path.join(import.meta.dirname, 'workspace-plain/plain.py')],
    install: [path.join(import.meta.dirname, 'other-debugger')],
  });
  const { page } = at;
  await at.openFile('greeter.py');
  await page.locator('.codelens-decoration', { hasText: 'Debug (emulator)' }).first().waitFor();
  await breakpoint(at, 'print("greeter is set up")', 1);
  await page.keyboard.press('F5');
  await stoppedAt(at, 'greeter.py', 19);
  expect(await at.toast('The other debugger').count()).toBe(0);
  await page.keyboard.press('Shift+F5');
  await page.locator('.part.statusbar.debugging').waitFor({ state: 'detached' });

  await at.openFile('plain.py');
  await at.line('def add').click();
  await page.locator('.codelens-decoration').first().waitFor({ state: 'detached' });
  await page.keyboard.press('F5');
  await at.toast(/The other debugger runs .*plain\.py/).waitFor();
  await page.locator('.part.statusbar.debugging').waitFor({ state: 'detached' });
  const here = at.emulator;
  await expect.poll(async () => (await here.client.status()).apps, { timeout: 60_000, interval: 200 }).toEqual([]);
});

test('a breakpoint that a wrong mapping keeps from being hit is told of once, with its cause, and is mended in one click', {
  timeout: 300_000,
}, async () => {
  at = await Workbench.open({
    files: [app('greeter.py')],
    settings: { 'windtunnel.debug.pathMappings': [{ localRoot: '/', remoteRoot: '/nowhere' }] },
  });
  const { page } = at;
  await at.openFile('greeter.py');
  await page.locator('.codelens-decoration', { hasText: 'Debug (emulator)' }).first().waitFor();
  await breakpoint(at, 'print(f"greeting {input.name}")', 1);
  await page.keyboard.press('F5');
  const told = at.toast(
    /The breakpoint at greeter\.py:24 will not be hit\. The app has loaded this file from .*greeter\.py/,
  );
  await told.waitFor();
  await at.picture('breakpoint-not-hit');
  expect(await page.locator('.notifications-toasts .notification-list-item').count()).toBe(1);
  const { workspace, client } = at.emulator;
  const runner = async () => (await client.status()).apps[0]?.runners[0]?.id ?? '';
  const before = await runner();
  await told.hover();
  await told.locator('.monaco-button', { hasText: 'Map Paths and Restart' }).click();
  await expect
    .poll(() => readFileSync(path.join(workspace, '.vscode/settings.json'), 'utf8'), { timeout: 60_000 })
    .toContain('pathMappings');
  await expect.poll(async () => [before, ''].includes(await runner()), { timeout: 90_000, interval: 200 }).toBe(false);
  const answer = at.post('/run/local/greeter', { name: 'Ada' });
  await stoppedAt(at, 'greeter.py', 24);
  await continueOn(at);
  expect(await answer).toMatchObject({ status: 200 });
  await page.keyboard.press('Shift+F5');
  await page.locator('.part.statusbar.debugging').waitFor({ state: 'detached' });
});
