import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { notificationCensus } from './support/notification-census.ts';
import { useWorkbench } from './support/use-workbench.ts';

const { open } = useWorkbench();

test('New App asks for a template and a name, opens the app, and it shows in the view', {
  timeout: 300_000,
}, async () => {
  const at = await open({ files: [] });
  const { page } = at;
  const shown = await notificationCensus(at);
  await at.showView();
  await at.pane('Apps').getByRole('button', { name: 'New App' }).first().click();
  const template = page.locator('.quick-input-list .monaco-list-row', { hasText: 'streaming' });
  await template.waitFor();
  await at.pictures('new-app');
  await template.click();
  const name = page.locator('.quick-input-widget:visible input.input');
  await page.locator('.quick-input-title', { hasText: '2/2' }).waitFor();
  await at.picture('new-app-name');
  await name.fill('talker');
  await name.press('Enter');
  await page.locator('.tab.active', { hasText: 'app.py' }).waitFor();
  await at.row('Apps', 'talker').waitFor();
  expect(existsSync(path.join(at.emulator.workspace, 'talker/.vscode/launch.json'))).toBe(true);
  expect(await shown()).toEqual([]);
});
