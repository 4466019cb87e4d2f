// `npm run pictures`: the pictures of the README, of the real views, light and dark. Plain screenshots: nothing is drawn over.
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { THEMES, Workbench } from '../vscode/support/workbench.ts';

const root = path.resolve(import.meta.dirname, '../..');
const folder = path.join(root, 'docs/images');
const pixels = path.join(root, 'examples/pixels');
mkdirSync(folder, { recursive: true });

const at = await Workbench.open({ files: [pixels] });
try {
  await at.openFile('app.py');
  await at.showView();
  await at.runCommand('Windtunnel: Run App');
  await at.status().filter({ hasText: 'Windtunnel: 1' }).waitFor({ timeout: 300_000 });
  // It is registered before it serves.
  await at.row('Apps', 'local/pixels').locator('.codicon-circle-filled').waitFor({ timeout: 300_000 });
  await at.runCommand('Windtunnel: Open Source');
  await at.page.locator('.codelens-decoration', { hasText: 'Stop (emulator)' }).first().waitFor();
  await inEachTheme('editor');

  await at.runCommand('Windtunnel: Open Playground');
  const page = at.panel();
  await page.getByLabel('Choose a file for Image Url').setInputFiles(path.join(pixels, 'hills.jpg'));
  await page.getByText('hills.jpg, ').waitFor();
  for (let sent = 1; sent <= 3; sent += 1) {
    await page.getByRole('button', { name: 'Send', exact: true }).click();
    await page
      .getByLabel('History')
      .getByRole('listitem')
      .nth(sent - 1)
      .waitFor();
    await page.locator('output.state', { hasText: 'COMPLETED 200' }).waitFor();
  }
  await page.locator('figure img').waitFor();
  await inEachTheme('playground');
} finally {
  await at.close();
}

async function inEachTheme(name: string): Promise<void> {
  for (const theme of THEMES.filter(({ kind }) => kind === 'light' || kind === 'dark')) {
    await at.theme(theme);
    // Nothing is hovered over.
    await at.page.mouse.move(700, 890);
    await at.page.locator('.monaco-hover:visible').waitFor({ state: 'detached' });
    await at.page.screenshot({ path: path.join(folder, `${name}-${theme.kind}.png`) });
  }
}
