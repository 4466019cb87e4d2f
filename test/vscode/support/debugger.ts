import { expect } from 'vitest';
import { came, type Workbench } from './workbench.ts';

/** Sets a breakpoint by F9 on the line with that text, the `nth` of this file; the editor takes it once it knows the language. */
export async function breakpoint(at: Workbench, text: string, nth: number): Promise<void> {
  const { page } = at;
  const glyphs = page.locator(
    '.editor-instance .codicon-debug-breakpoint, .editor-instance .codicon-debug-breakpoint-unverified',
  );
  await at.line(text).click();
  for (let presses = 0; presses < 10; presses += 1) {
    await page.keyboard.press('F9');
    // Patient with a slow editor: the key is a toggle, and pressed too soon again it takes the breakpoint away.
    if (await came(glyphs.nth(nth - 1), 3000)) break;
  }
  expect(await glyphs.count()).toBe(nth);
}

const stoppedLine = ({ page }: Workbench) => page.locator('.editor-instance .debug-top-stack-frame-line').first();

/** Waits until the debugger shows that line of that file. */
export async function stoppedAt(at: Workbench, file: string, line: number): Promise<void> {
  await stoppedLine(at).waitFor();
  await at.page.locator('.tab.active', { hasText: file }).waitFor();
  await at.page.locator('.statusbar-item[id="status.editor.selection"]', { hasText: `Ln ${line},` }).waitFor();
}

/** Goes on from a stop; the next one may come at once. */
export async function continueOn(at: Workbench): Promise<void> {
  await at.page.keyboard.press('F5');
}

/** Waits until the Variables view shows that text. */
export async function shownVariable({ page }: Workbench, text: string): Promise<void> {
  const rows = page.locator('.debug-variables .monaco-list-row');
  const locals = rows.filter({ hasText: 'Locals' });
  // The workbench opens the first scope by itself, but not always, and at a moment of its own: a click too soon closes it again.
  for (let tries = 0; tries < 10; tries += 1) {
    await locals.first().waitFor();
    if (await came(rows.filter({ hasText: text }), 5000)) return;
    const closed = locals.and(page.locator('[aria-expanded="false"]')).first();
    if ((await closed.count()) > 0) await closed.locator('.monaco-tl-twistie').click();
  }
  await rows.filter({ hasText: text }).first().waitFor();
}
