import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { processesOf } from '../support/census.ts';
import { gone } from '../support/emulator.ts';
import { requires } from '../support/skip.ts';
import { came, showWindtunnel, Workbench } from './support/workbench.ts';

const app = (name: string) => path.join(import.meta.dirname, name);
let at: Workbench | undefined;

beforeEach(requires('chromium', 'linux'));
afterEach(async (context) => {
  if (context.task.result?.state === 'fail') await at?.picture(`failed-${context.task.name.slice(0, 40)}`);
  await at?.close();
  at = undefined;
}, 120_000);

const apps = (page: Page) =>
  page.locator('.pane:has(.pane-header[aria-label^="Apps"]) .monaco-list-row[role="treeitem"]');

test('windows join one emulator, which outlives the extension host of the first and ends after the last; their pages ask nobody else', {
  timeout: 600_000,
}, async () => {
  at = await Workbench.open({
    files: [app('workspace/greeter.py'), app('workspace-noisy/noisy.py'), app('apps/trio.py')],
  });
  const here = at;
  const asked: string[] = [];
  here.page.context().on('request', (request) => asked.push(request.url()));
  await here.showView();
  await run(here.page, 'greeter');
  await here.row('Apps', /Runners/).waitFor();
  await expect(
    apps(here.page)
      .filter({ hasText: /greeter|noisy|trio/ })
      .count(),
  ).resolves.toBe(3);
  const { pid, url } = here.emulator.entry;
  const [firstHost] = here.server.extensionHosts();

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

  // Each window runs one more, all at a time, and each app answers for itself.
  await run(here.page, 'trio');
  await run(second, 'noisy');
  for (const page of [here.page, second, third]) {
    await page.locator('.statusbar-item', { hasText: 'Windtunnel: 3' }).waitFor();
  }
  expect(await here.post('/run/local/greeter', { name: 'Ada' })).toEqual({
    status: 200,
    body: { text: 'Hello, Ada!' },
  });
  expect(await here.post('/run/local/noisy', {})).toEqual({ status: 200, body: { lines: 200 } });
  const { body } = await here.post('/queue/local/greeter', { name: 'Grace' });
  const { request_id: kept } = body as { request_id: string };
  const state = async () => (await here.emulator.client.request(kept)).request.state;
  await expect.poll(state).toBe('COMPLETED');

  // What the first window ran goes with its extension host, however that ends; all else goes on.
  expect(firstHost).toBeTypeOf('number');
  process.kill(firstHost ?? Number.NaN, 'SIGKILL');
  const served = async () => (await here.emulator.client.status()).apps.map(({ id }) => id);
  await expect.poll(served).toEqual(['local/noisy']);
  await second.locator('.statusbar-item', { hasText: 'Windtunnel: 1' }).waitFor();
  await here.page.reload();
  await showWindtunnel(here.page);
  await apps(here.page).filter({ hasText: 'local/noisy' }).first().waitFor();
  expect(here.emulator.entry.pid).toBe(pid);
  expect(await here.post('/run/local/noisy', {})).toEqual({ status: 200, body: { lines: 200 } });
  await run(here.page, 'greeter');
  await expect.poll(async () => (await served()).sort()).toEqual(['local/greeter', 'local/noisy']);
  expect((await here.emulator.client.requests({ app: 'local/greeter' })).map(({ id }) => id)).toContain(kept);

  const hosts = new Set(
    asked
      .map((one) => new URL(one))
      .filter((one) => one.protocol.startsWith('http'))
      .map((one) => one.host),
  );
  expect([...hosts].filter((host) => host !== target.host && !host.endsWith('.vscode-cdn.net'))).toEqual([]);
  expect(asked.filter((one) => one.includes(new URL(url).host))).toEqual([]);

  // Nobody is left to say goodbye: the emulator notices, and takes all that it started with it.
  const ours = () => [...processesOf(here.emulator.folder)].filter(([one]) => !here.server.owns(one));
  const kill = () => {
    const alive = here.server.extensionHosts();
    for (const host of alive) process.kill(host, 'SIGKILL');
    return alive;
  };
  // That of before the reload may still be there.
  expect(kill().length).toBeGreaterThanOrEqual(3);
  // A window brings its extension host back by itself.
  await Promise.all([here.page, second, third].map((page) => page.close()));
  await expect.poll(kill).toEqual([]);
  await gone(pid);
  await expect.poll(ours, { timeout: 60_000 }).toEqual([]);
  expect(here.emulator.running).toBe(false);
});

/** *Run App* on an app's row. */
async function run(page: Page, name: string): Promise<void> {
  const row = apps(page).filter({ hasText: name }).first();
  await row.hover();
  await row.locator('.action-label[aria-label^="Run App"]').click();
  await apps(page)
    .filter({ hasText: `local/${name}` })
    .first()
    .waitFor();
}

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
