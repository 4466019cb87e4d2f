import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import { afterEach, expect, test } from 'vitest';
import type { EmulatorEvent } from '../../emulator/contract/index.ts';
import { seriousFindings } from './support/axe.ts';
import { useWorkbench } from './support/use-workbench.ts';
import { launchBrowser } from './support/web-server.ts';
import { THEMES, type Workbench } from './support/workbench.ts';

const app = (name: string) => path.join(import.meta.dirname, name);
const { open } = useWorkbench();
let browser: Browser | undefined;

afterEach(async () => {
  await browser?.close();
  browser = undefined;
}, 60_000);

test('by keys alone: an app is run, its requests and runners are lanes, a selected one shows its story and is replayed', {
  timeout: 400_000,
}, async () => {
  const at = await open({ files: [app('workspace/greeter.py'), app('apps/trio.py')] });
  const { keyboard } = at.page;
  await at.runCommand('Windtunnel: Open Timeline');
  const page = at.panel();
  await page.getByText('the emulator does not run').waitFor();
  await at.chooseByKeys('Windtunnel: Run App', 'greeter');
  await at.status().filter({ hasText: 'Windtunnel: 1' }).waitFor();
  for (const name of ['Ada', 'Grace', 'Edsger']) await queue(at, 'local/greeter', { name });
  await page.getByText('3 requests').waitFor();
  const detail = page.getByLabel('Detail');
  await detail.getByRole('row').filter({ hasText: '▲ one more' }).first().waitFor();

  await at.tabTo(page.getByRole('listbox', { name: 'Runners and requests' }));
  const selected = page.locator('[role="option"]');
  await keyboard.press('End');
  await selected.filter({ hasText: /Request .* local\/greeter: 200/ }).waitFor({ state: 'attached' });
  await detail.getByText('greeting Ada').waitFor();
  await detail.getByText('Hello, Ada!').waitFor();
  await keyboard.press('Home');
  await detail.getByRole('table').getByText('SETUP').first().waitFor();
  await keyboard.press('End');
  await keyboard.press('ArrowUp');
  await detail.getByText('greeting Grace').waitFor();
  await at.tabTo(detail.getByRole('button', { name: 'Replay', exact: true }));
  await keyboard.press('Enter');
  await page.getByText('4 requests').waitFor();
  const [replayed] = await at.emulator.client.requests({ limit: 1 });
  await selected.filter({ hasText: `Request ${replayed?.id.slice(0, 8)}` }).waitFor({ state: 'attached' });
  await selected.filter({ hasText: ': 200' }).waitFor({ state: 'attached' });
  await detail.getByText('greeting Grace').waitFor();
  // Not lost with the button: the keys go on from the new one.
  await page.locator('[role="listbox"]:focus').waitFor();
  await keyboard.press('End');
  await detail.getByText('greeting Ada').waitFor();

  const findings: string[] = [];
  for (const theme of THEMES) {
    await at.theme(theme);
    await at.picture(`timeline-${theme.kind}`);
    findings.push(...(await seriousFindings(at.panel())).map((finding) => `${theme.kind}: ${finding}`));
  }
  expect(findings).toEqual([]);

  // Three at a time in one runner, each of which waits for the other two: the lines of each are its own.
  await at.emulator.run('trio.py');
  const guests = ['Olga', 'Masha', 'Irina', 'Vera', 'Nina', 'Anna'].map((name, index) => ({
    name,
    path: index < 3 ? '/threads' : '/tasks',
  }));
  const sent = await Promise.all(
    guests.map(async ({ name, path: to }) => ({ name, id: await queue(at, `local/trio${to}`, { name }) })),
  );
  await page.getByText('10 requests').waitFor();
  expect(await at.emulator.client.requests({ app: 'local/trio' })).toHaveLength(6);
  await keyboard.press('Home');
  const shown: Record<string, string[]> = {};
  for (let moves = 0; moves < 20 && Object.keys(shown).length < sent.length; moves += 1) {
    await keyboard.press('ArrowDown');
    await selected.and(page.locator(`[aria-posinset="${moves + 2}"]`)).waitFor({ state: 'attached' });
    const text = await selected.innerText();
    const one = sent.find(({ id }) => text.includes(id.slice(0, 8)));
    if (!one) continue;
    await detail.getByText(/^COMPLETED 200/).waitFor();
    await detail.getByText(one.id.slice(0, 8), { exact: true }).waitFor();
    await detail.getByRole('log').getByText(`${one.name} goes`).waitFor();
    shown[one.name] = (await detail.getByRole('log').locator('pre').allInnerTexts()).map((line) =>
      line.replace(/^[\d:]+ /, ''),
    );
  }
  expect(shown).toEqual(Object.fromEntries(sent.map(({ name }) => [name, [`${name} came`, `${name} goes`]])));
});

/** Puts a request into the queue, and gives its id. */
async function queue(at: Workbench, to: string, input: unknown): Promise<string> {
  const { body } = await at.post(`/queue/${to}`, input);
  return (body as { request_id: string }).request_id;
}

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
