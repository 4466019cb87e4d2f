import path from 'node:path';
import { expect, test } from 'vitest';
import { seriousFindings } from './support/axe.ts';
import { useWorkbench } from './support/use-workbench.ts';
import { THEMES } from './support/workbench.ts';

/** Of an `<img>`, what is looked at: tests have no types of the browser. */
interface Picture {
  naturalWidth: number;
  naturalHeight: number;
  src: string;
  decode(): Promise<void>;
}

const examples = path.resolve(import.meta.dirname, '../../examples');
const app = (name: string) => path.join(import.meta.dirname, 'workspace', name);
const { open } = useWorkbench();

test('a picture goes up, through the queue, and comes back as one', { timeout: 600_000 }, async () => {
  const at = await open({ files: [path.join(examples, 'pixels/app.py')] });
  await at.openFile('app.py');
  await at.runCommand('Windtunnel: Open Playground');
  const page = at.panel();
  // Its packages may have to be installed first.
  await page.getByLabel('Choose a file for Image Url').waitFor({ state: 'attached', timeout: 300_000 });
  await page.getByLabel('Choose a file for Image Url').setInputFiles(path.join(examples, 'pixels/hills.jpg'));
  await page.getByText('hills.jpg, ').waitFor();
  expect(await page.getByLabel('Image Url*', { exact: true }).inputValue()).toMatch(
    /^http:\/\/127\.0\.0\.1:\d+\/files\//,
  );
  await page.getByLabel('Colors').fill('100');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await page.getByRole('alert').getByText('colors').waitFor();
  await page.getByLabel('Colors').fill('12');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await page
    .getByText(/^COMPLETED 200 in/)
    .first()
    .waitFor();
  await page.locator('figure img').waitFor();
  await page.getByRole('log').getByText('drawing 384x256 in blocks of 8, 12 colours').waitFor();
  await page.getByLabel('Times').getByText('run').waitFor();
  const shown = await page.locator('figure img').evaluate(async (element) => {
    const image = element as unknown as Picture;
    await image.decode();
    return [image.naturalWidth, image.naturalHeight, new URL(image.src).protocol];
  });
  expect(shown).toEqual([384, 256, 'blob:']);

  await page.getByRole('button', { name: 'Replay', exact: true }).first().click();
  const history = page.getByLabel('History').getByRole('listitem');
  await expect.poll(() => history.count()).toBe(2);
  // The new one, which stands first, is the one that is looked at.
  const current = async () => Promise.all((await history.all()).map((entry) => entry.getAttribute('aria-current')));
  await expect.poll(current).toEqual(['true', null]);
  const [replayed] = await at.emulator.client.requests({ limit: 1 });
  await page
    .getByTitle("Copy the request's id")
    .filter({ hasText: replayed?.id.slice(0, 8) ?? '?' })
    .waitFor();
  await page.locator('output.state', { hasText: 'COMPLETED 200' }).waitFor();
  await page.locator('figure img').waitFor();
  const findings: string[] = [];
  for (const theme of THEMES) {
    await at.theme(theme);
    await at.picture(`playground-${theme.kind}`);
    findings.push(...(await seriousFindings(at.panel())).map((finding) => `${theme.kind}: ${finding}`));
  }
  expect(findings).toEqual([]);
});

test('an input is kept, edited from the history, sent as JSON and past the queue', { timeout: 300_000 }, async () => {
  const at = await open({ files: [app('greeter.py')] });
  await at.openFile('greeter.py');
  await at.page.locator('.codelens-decoration a', { hasText: 'Call (emulator)' }).first().click();
  let page = at.panel();
  await page.getByLabel('Name').fill('Ada');
  await page.getByLabel('by', { exact: true }).selectOption('direct');
  await page.getByLabel('Name').press('Enter');
  await page.getByText('Hello, Ada!').first().waitFor();
  await page.getByRole('log').getByText('greeting Ada').waitFor();
  await page.getByRole('button', { name: 'Replay with Edits' }).click();
  await page.getByLabel('JSON', { exact: true }).check();
  await page.getByLabel('Input as JSON').fill('{"name": "Grace", "count": 2}');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await page.getByText('Hello, Grace!Hello, Grace!').first().waitFor();
  await at.page.keyboard.press('Control+w');
  await at.page.locator('.tab', { hasText: 'Playground' }).waitFor({ state: 'detached' });
  await at.runCommand('Windtunnel: Open Playground');
  page = at.panel();
  await page.getByLabel('Name').waitFor();
  expect(await page.getByLabel('Name').inputValue()).toBe('Grace');
});

test('a file is dropped; an answer comes as a stream, and over a realtime connection', {
  timeout: 300_000,
}, async () => {
  const at = await open({ files: [path.join(import.meta.dirname, 'apps/talker.py')] });
  await at.openFile('talker.py');
  await at.runCommand('Windtunnel: Open Playground');
  const page = at.panel();
  expect(await page.getByLabel('Endpoint').inputValue()).toBe('/stream');
  await page.getByLabel('Text').fill('one two three');
  const dataTransfer = await page.locator('body').evaluateHandle(`(() => {
    const dropped = new DataTransfer();
    dropped.items.add(new File(['a picture'], 'dropped.png', { type: 'image/png' }));
    return dropped;
  })()`);
  await page.getByLabel('Image Url: file').dispatchEvent('drop', { dataTransfer });
  await page.getByText('dropped.png, ').waitFor();
  await page.getByLabel('by', { exact: true }).selectOption('stream');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await page.locator('output.state', { hasText: 'COMPLETED 200' }).waitFor();
  await page.getByText('Events (3)').waitFor();
  await page.getByText('"three"').first().waitFor();
  await at.picture('playground-stream');
  await page.getByLabel('Endpoint').selectOption('/realtime');
  // The form of the other endpoint, which is empty.
  await expect.poll(() => page.getByLabel('Text').inputValue(), { timeout: 90_000 }).toBe('');
  await page.getByLabel('Text').fill('louder');
  await page.getByLabel('by', { exact: true }).selectOption('realtime');
  await page.getByRole('button', { name: 'Send', exact: true }).click();
  await page.getByText('LOUDER').first().waitFor();
});
