import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { requires } from '../support/skip.ts';
import { Workbench } from './support/workbench.ts';

const WORKER = path.resolve(import.meta.dirname, '../../emulator/import/fixtures/runpod/plain/source');
let at: Workbench | undefined;

beforeEach(requires('chromium'));
afterEach(async (context) => {
  if (context.task.result?.state === 'fail') await at?.picture(`failed-${context.task.name.slice(0, 40)}`);
  await at?.close();
  at = undefined;
}, 60_000);

test('an import shows its diff, writes what is taken, and leaves the source as it was', {
  timeout: 300_000,
}, async () => {
  at = await Workbench.open({ files: [WORKER] });
  const { page } = at;
  const source = path.join(at.emulator.workspace, 'source');
  const before = readFileSync(path.join(source, 'handler.py'), 'utf8');
  await page.locator('.explorer-folders-view .monaco-list-row', { hasText: 'source' }).click({ button: 'right' });
  await page.locator('.monaco-menu .action-label', { hasText: 'Import from Modal, RunPod or Cog' }).click();
  await page.locator('.tab', { hasText: 'Import of source' }).waitFor();
  await page.locator('.quick-input-title', { hasText: 'Files to take over' }).waitFor();
  await page.locator('.multiDiffEntry').first().waitFor();
  await at.picture('import-diff');
  await page.locator('.quick-input-widget:visible .monaco-button', { hasText: 'OK' }).click();
  await page.locator('.quick-input-title', { hasText: 'Folder of the imported app' }).waitFor();
  await page.keyboard.press('Enter');
  await page.locator('.tab.active', { hasText: 'handler.py' }).waitFor();
  await at.line('fal.App').waitFor();
  const imported = path.join(at.emulator.workspace, 'source-fal');
  expect(existsSync(path.join(imported, 'IMPORT.md'))).toBe(true);
  expect(readFileSync(path.join(source, 'handler.py'), 'utf8')).toBe(before);
});
