import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { requires } from '../support/skip.ts';
import { Workbench } from './support/workbench.ts';

const app = (name: string) => path.join(import.meta.dirname, 'workspace', name);
let at: Workbench | undefined;

beforeEach(requires('chromium'));
afterEach(async (context) => {
  if (context.task.result?.state === 'fail') await at?.picture(`failed-${context.task.name.slice(0, 40)}`);
  await at?.close();
  at = undefined;
});

/** Sets a breakpoint by F9 on the line with that text; the editor takes it once it knows the language. */
async function breakpoint(workbench: Workbench, text: string, nth: number): Promise<void> {
  const glyphs = workbench.page.locator(
    '.editor-instance .codicon-debug-breakpoint, .editor-instance .codicon-debug-breakpoint-unverified',
  );
  await workbench.line(text).click();
  const set = () => glyphs.nth(nth - 1).waitFor({ timeout: 3000 });
  for (let presses = 0; presses < 10; presses += 1) {
    await workbench.page.keyboard.press('F9');
    // Patient with a slow editor: the key is a toggle, and pressed too soon again it takes the breakpoint away.
    const done = await set().then(
      () => true,
      () => false,
    );
    if (done) break;
  }
  expect(await glyphs.count()).toBe(nth);
}

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

  const stoppedLine = page.locator('.editor-instance .debug-top-stack-frame-line').first();
  await stoppedLine.waitFor();
  const status = page.locator('.statusbar-item[id="status.editor.selection"]');
  await status.filter({ hasText: 'Ln 19' }).waitFor();
  await page.keyboard.press('F5');
  await stoppedLine.waitFor({ state: 'detached' });

  const answer = (async () => {
    for (;;) {
      const response = await fetch(`${at.emulator.url}/run/local/greeter`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name: 'Ada', count: 2 }),
      });
      return { status: response.status, body: await response.json() };
    }
  })();
  await stoppedLine.waitFor();
  const variables = page.locator('.debug-variables');
  // The workbench opens the first scope by itself, at a moment of its own: a click on the row could close it again.
  await variables.locator('.monaco-list-row[aria-expanded="true"]', { hasText: 'Locals' }).first().waitFor();
  const text = variables.locator('.monaco-list-row', { hasText: 'Hello, Ada!Hello, Ada!' }).first();
  await text.waitFor();
  await at.picture('debug-stopped');
  await page.keyboard.press('F5');
  expect(await answer).toEqual({ status: 200, body: { text: 'Hello, Ada!Hello, Ada!' } });

  await page.keyboard.press('Shift+F5');
  await page.locator('.part.statusbar.debugging').waitFor({ state: 'detached' });
  await at.status().filter({ hasNotText: ': 1' }).waitFor();
});
