import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { notificationCensus } from './support/notification-census.ts';
import { useWorkbench } from './support/use-workbench.ts';

const WORKER = path.resolve(import.meta.dirname, '../../emulator/import/fixtures/runpod/plain/source');
const { open } = useWorkbench();

test('an import is taken file by file in the diff editor, runs by one click, and leaves the source as it was', {
  timeout: 400_000,
}, async () => {
  const at = await open({ files: [WORKER] });
  const { page } = at;
  const source = path.join(at.emulator.workspace, 'source');
  const before = readFileSync(path.join(source, 'handler.py'), 'utf8');
  const entry = page.locator('.monaco-menu .action-label', { hasText: 'Import from Modal, RunPod or Cog' });
  // A menu that is opened before the editor knows its extensions has none of theirs.
  for (let tries = 0; tries < 10; tries += 1) {
    await page.locator('.explorer-folders-view .monaco-list-row', { hasText: 'source' }).click({ button: 'right' });
    await page.locator('.monaco-menu .action-label', { hasText: 'Copy Path' }).waitFor();
    if ((await entry.count()) > 0) break;
    await page.keyboard.press('Escape');
    await page.waitForTimeout(1000);
  }
  const shown = await notificationCensus(at);
  await entry.click();
  await page.locator('.quick-input-title', { hasText: 'Folder of the imported app' }).waitFor();
  await page.keyboard.press('Enter');
  const action = (name: string) => page.locator(`.editor-actions .action-label[aria-label^="${name}"]`);
  const imported = path.join(at.emulator.workspace, 'source-fal');
  await page.locator('.tab.active', { hasText: 'Import handler.py (1 of 2)' }).waitFor();
  await at.line('fal.App').waitFor();
  await at.pictures('import-diff');
  expect(existsSync(imported)).toBe(false);
  await action('Take This File').click();
  await page.locator('.tab.active', { hasText: 'Import IMPORT.md (2 of 2)' }).waitFor();
  expect(existsSync(path.join(imported, 'handler.py'))).toBe(true);
  await action('Leave This File Out').click();
  await page.locator('.tab.active', { hasText: 'handler.py' }).waitFor();
  await page.locator('.squiggly-info').first().waitFor();
  const toast = at.toast('To look at: 4');
  await toast.locator('.monaco-button', { hasText: 'Run App' }).click();
  await at.status().filter({ hasText: 'Windtunnel: 1' }).waitFor();
  expect(await shown()).toEqual([expect.stringContaining('To look at: 4')]);
  expect(existsSync(path.join(imported, 'IMPORT.md'))).toBe(false);
  // The import's own record of what it made is no second app.
  expect(existsSync(path.join(imported, '.windtunnel'))).toBe(true);
  await at.showView();
  await at.row('Apps', /^local\//).waitFor();
  await at.runCommand('Problems: Focus on Problems View');
  await page.locator('.markers-panel .monaco-list-row', { hasText: 'handler.py' }).first().waitFor();
  await at.pictures('import-problems');
  expect(await at.pane('Apps').locator('.monaco-list-row[aria-level="1"]').count()).toBe(1);
  // Its folder is a workspace of its own, whose emulator nothing else here would stop.
  await at.runCommand('Windtunnel: Stop Emulator');
  await at.status().filter({ hasNotText: ': 1' }).waitFor();
  expect(readFileSync(path.join(source, 'handler.py'), 'utf8')).toBe(before);
});
