import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import { afterEach, expect, test } from 'vitest';
import type { EmulatorEvent } from '../../emulator/contract/index.ts';
import { seriousFindings } from './support/axe.ts';
import { useWorkbench } from './support/use-workbench.ts';
import { launchBrowser } from './support/web-server.ts';
import { THEMES } from './support/workbench.ts';

const app = (name: string) => path.join(import.meta.dirname, 'workspace', name);
const { open } = useWorkbench();
let browser: Browser | undefined;

afterEach(async () => {
  await browser?.close();
  browser = undefined;
}, 60_000);

test('requests and runners are lanes; a selected one shows its story', { timeout: 400_000 }, async () => {
  const at = await open({ files: [app('greeter.py')] });
  await at.openFile('greeter.py');
  await at.runCommand('Windtunnel: Open Timeline');
  const page = at.panel();
  await page.getByText('the emulator does not run').waitFor();
  await at.runCommand('Windtunnel: Run App');
  await at.status().filter({ hasText: 'Windtunnel: 1' }).waitFor();
  const send = async (name: string) => {
    const body = JSON.stringify({ name });
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
    await fetch(`${at.emulator.url}/queue/local/greeter`, init);
  };
  for (const name of ['Ada', 'Grace', 'Edsger']) await send(name);
  await page.getByText('3 requests').waitFor();
  await page.getByLabel('Detail').getByRole('row').filter({ hasText: '▲ one more' }).first().waitFor();
  const lanes = page.getByRole('listbox', { name: 'Runners and requests' });
  await lanes.focus();
  await lanes.press('End');
  const selected = page.locator('[role="option"]');
  await selected.filter({ hasText: /Request .* local\/greeter: 200/ }).waitFor({ state: 'attached' });
  const detail = page.getByLabel('Detail');
  await detail.getByText('greeting Ada').waitFor();
  await detail.getByText('Hello, Ada!').waitFor();
  await lanes.press('Home');
  await detail.getByRole('table').getByText('SETUP').first().waitFor();
  await lanes.press('End');
  await detail.getByText('greeting Ada').waitFor();
  const findings: string[] = [];
  for (const theme of THEMES) {
    await at.theme(theme);
    await at.picture(`timeline-${theme.kind}`);
    findings.push(...(await seriousFindings(at.panel())).map((finding) => `${theme.kind}: ${finding}`));
  }
  expect(findings).toEqual([]);
});

test('ten thousand requests cost no more elements than ten, and each can be reached', {
  timeout: 200_000,
}, async () => {
  browser = await launchBrowser();
  const page = await browser.newPage({ viewport: { width: 1200, height: 800 } });
  const dist = path.resolve(import.meta.dirname, '../../dist/webview');
  // The page outside of VS Code: all that it has of it are messages.
  await page.setContent('<main id="root"></main>');
  await page.addStyleTag({ content: readFileSync(path.join(dist, 'timeline.css'), 'utf8') });
  await page.evaluate('window.acquireVsCodeApi = () => ({ postMessage() {}, setState() {}, getState() {} })');
  await page.addScriptTag({ content: readFileSync(path.join(dist, 'timeline.js'), 'utf8') });
  const events: EmulatorEvent[] = Array.from({ length: 10_000 }, (_, one) => one).flatMap((one) => {
    const base = { type: 'request.state', app: 'local/a', request: `request-${one}`, path: '/', reason: '' } as const;
    const from = 1_700_000_000_000 + one * 50;
    return [
      { ...base, at: from, state: 'IN_QUEUE', attempt: 0, runner: null, status: null, seconds: null },
      { ...base, at: from + 20, state: 'IN_PROGRESS', attempt: 1, runner: 'r', status: null, seconds: null },
      { ...base, at: from + 120, state: 'COMPLETED', attempt: 1, runner: 'r', status: 200, seconds: 0.1 },
    ];
  });
  await page.evaluate(
    (message) => (globalThis as unknown as { postMessage(value: unknown): void }).postMessage(message),
    {
      type: 'events',
      events,
    },
  );
  await page.getByText('10000 requests').waitFor();
  const lanes = page.getByRole('listbox');
  await lanes.focus();
  await lanes.press('End');
  await page
    .getByRole('option')
    .filter({ hasText: 'Request request- local/a: 200, 0.12 s' })
    .waitFor({ state: 'attached' });
  expect(await page.locator('[role="option"]').getAttribute('aria-posinset')).toBe('10000');
  expect(await page.locator('*').count()).toBeLessThan(200);
});
