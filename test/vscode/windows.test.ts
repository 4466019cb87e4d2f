import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { requires } from '../support/skip.ts';
import { came, showWindtunnel, Workbench } from './support/workbench.ts';

const app = (name: string) => path.join(import.meta.dirname, name);
let at: Workbench | undefined;

beforeEach(requires('chromium'));
afterEach(async (context) => {
  if (context.task.result?.state === 'fail') await at?.picture(`failed-${context.task.name.slice(0, 40)}`);
  await at?.close();
  at = undefined;
}, 120_000);

const apps = (page: Page) =>
  page.locator('.pane:has(.pane-header[aria-label^="Apps"]) .monaco-list-row[role="treeitem"]');

test('a second window, and one of several folders, join the emulator that runs; the pages ask nobody but their editor', {
  timeout: 400_000,
}, async () => {
  at = await Workbench.open({
    files: [app('workspace/greeter.py'), app('workspace-noisy/noisy.py'), app('workspace/broken.py')],
  });
  const here = at;
  const asked: string[] = [];
  here.page.context().on('request', (request) => asked.push(request.url()));
  await here.showView();
  const row = here.row('Apps', 'greeter');
  await row.hover();
  await row.locator('.action-label[aria-label^="Run App"]').click();
  await here.row('Apps', /Runners/).waitFor();
  await expect(
    apps(here.page)
      .filter({ hasText: /greeter|noisy|broken/ })
      .count(),
  ).resolves.toBe(3);
  const { pid, url } = here.emulator.entry;

  // With a page of our own in it, which has the app's form from the emulator.
  const endpoint = here.row('Apps', '/shout');
  await endpoint.hover();
  await endpoint.locator('.action-label[aria-label^="Open Playground"]').click();
  await here.panel().locator('form').first().waitFor();

  const target = new URL(here.page.url());
  const second = await here.page.context().newPage();
  await second.goto(target.href);
  await showWindtunnel(second);
  await apps(second).filter({ hasText: 'local/greeter' }).first().waitFor();
  await second.locator('.statusbar-item', { hasText: 'Windtunnel: 1' }).waitFor();

  const several = path.join(here.emulator.folder, 'several.code-workspace');
  writeFileSync(
    several,
    JSON.stringify({ folders: [{ path: here.emulator.workspace }, { path: app('workspace-docker') }] }),
  );
  target.searchParams.delete('folder');
  target.searchParams.set('workspace', several);
  const third = await here.page.context().newPage();
  await third.goto(target.href);
  await showWindtunnel(third);
  await foldersOrAgain(third);
  await apps(third).filter({ hasText: 'local/greeter' }).first().waitFor();
  await apps(third).filter({ hasText: 'boxed' }).first().waitFor();

  expect(here.emulator.entry.pid).toBe(pid);
  const hosts = new Set(
    asked
      .map((one) => new URL(one))
      .filter((one) => one.protocol.startsWith('http'))
      .map((one) => one.host),
  );
  expect([...hosts].filter((host) => host !== target.host && !host.endsWith('.vscode-cdn.net'))).toEqual([]);
  expect(asked.filter((one) => one.includes(new URL(url).host))).toEqual([]);
});

/**
 * The workbench sometimes opens a workspace file that it sees for the first time without its folders: its own explorer shows none
 * either, and the same page has them when it is loaded again.
 */
async function foldersOrAgain(page: Page): Promise<void> {
  const noFolder = page.locator('.pane:has(.pane-header[aria-label^="Apps"]) .welcome-view-content', {
    hasText: 'Open a folder',
  });
  await apps(page).or(noFolder).first().waitFor();
  if (await came(apps(page), 15_000)) return;
  await page.reload();
  await showWindtunnel(page);
}
