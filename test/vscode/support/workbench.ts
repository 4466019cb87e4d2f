import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Browser, FrameLocator, Locator, Page } from 'playwright-core';
import { expect } from 'vitest';
import { EmulatorUnderTest } from '../../support/emulator.ts';
import { launchBrowser, VsCodeServer } from './web-server.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const TEXTS = JSON.parse(readFileSync(path.join(ROOT, 'package.nls.json'), 'utf8')) as Record<string, string>;
/** A busy machine of two cores takes its time. */
const PATIENCE_MS = 90_000;

export interface WorkbenchOptions {
  /** Files and folders that are copied into the workspace. */
  files: readonly string[];
  settings?: Record<string, unknown>;
  workspaceTrust?: boolean;
  /** A window without a folder. */
  noFolder?: boolean;
  /** What the editor and its terminals run in, from what they would. */
  env?: (env: NodeJS.ProcessEnv) => NodeJS.ProcessEnv;
  /** Further extensions, by their folder. */
  install?: string[];
}

/** One theme of each kind, by ids that all versions of VS Code have, and the class that a webview has under it. */
export const THEMES = [
  { kind: 'light', id: 'Visual Studio Light', bodyClass: 'vscode-light', workbenchClass: 'vs' },
  { kind: 'dark', id: 'Visual Studio Dark', bodyClass: 'vscode-dark', workbenchClass: 'vs-dark' },
  { kind: 'hc-dark', id: 'Default High Contrast', bodyClass: 'vscode-high-contrast', workbenchClass: 'hc-black' },
  {
    kind: 'hc-light',
    id: 'Default High Contrast Light',
    bodyClass: 'vscode-high-contrast-light',
    workbenchClass: 'hc-light',
  },
] as const;

const PANEL = 'iframe.webview.ready[src*="extensionId=windtunnel.windtunnel"]:not([src*="purpose=webviewView"])';

/** A real VS Code with our extension, driven as a user would; its emulator, home and runtime folder are the test's own. */
export class Workbench {
  readonly page: Page;
  readonly emulator: EmulatorUnderTest;
  private readonly browser: Browser;
  readonly server: VsCodeServer;

  private constructor(page: Page, browser: Browser, server: VsCodeServer, emulator: EmulatorUnderTest) {
    this.page = page;
    this.browser = browser;
    this.server = server;
    this.emulator = emulator;
  }

  static async open(options: WorkbenchOptions): Promise<Workbench> {
    const emulator = await EmulatorUnderTest.prepare(options.files);
    const server = await VsCodeServer.start({
      install: [ROOT, ...(options.install ?? [])],
      env: options.env?.(emulator.env) ?? emulator.env,
      ...(options.settings ? { settings: options.settings } : {}),
      ...(options.workspaceTrust === undefined ? {} : { workspaceTrust: options.workspaceTrust }),
    });
    const browser = await launchBrowser();
    const context = await browser.newContext({
      viewport: { width: 1400, height: 900 },
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage();
    const workbench = new Workbench(page, browser, server, emulator);
    await page.goto(server.url(options.noFolder ? {} : { folder: emulator.workspace }));
    await workbench.activity('Windtunnel').waitFor();
    return workbench;
  }

  activity(name: string): Locator {
    return this.page.locator(`.activitybar .action-label[aria-label^="${name}"]`);
  }

  async showView(): Promise<void> {
    await showWindtunnel(this.page);
  }

  pane(name: string): Locator {
    return this.page.locator(`.pane:has(.pane-header[aria-label^="${name}"])`);
  }

  /** What an empty view says: one of `viewsWelcome`, by its view and contents there. `test/lint` sees to it that each is asked for. */
  welcome(view: string, contents: string): Locator {
    const [name, text] = [TEXTS[view.replace(/^windtunnel/, 'view')], TEXTS[contents]];
    if (name === undefined || text === undefined) throw new Error(`No welcome view ${view}: ${contents}`);
    return this.pane(name)
      .getByText(text.split('\n')[0] ?? '')
      .first();
  }

  /** A row of one of our views by a part of its text. */
  row(view: string, text: string | RegExp): Locator {
    return this.pane(view).locator('.monaco-list-row[role="treeitem"]', { hasText: text }).first();
  }

  /** The same by what a screen reader says of it, whole or by a pattern. */
  spoken(view: string, label: string | RegExp): Locator {
    return this.pane(view).getByRole('treeitem', { name: label, exact: true }).first();
  }

  /** Opens a view of ours that is folded; the header says which it is. */
  async unfold(name: string): Promise<void> {
    await this.toggle(name, 'true');
  }

  async fold(name: string): Promise<void> {
    await this.toggle(name, 'false');
  }

  private async toggle(name: string, wanted: 'true' | 'false'): Promise<void> {
    const header = this.page.locator(`.pane-header[aria-label^="${name}"]`);
    await header.waitFor();
    if ((await header.getAttribute('aria-expanded')) !== wanted) await header.locator('.title').click();
    await this.page.locator(`.pane-header[aria-label^="${name}"][aria-expanded="${wanted}"]`).waitFor();
  }

  async expand(row: Locator): Promise<void> {
    if ((await row.getAttribute('aria-expanded')) === 'false') await row.locator('.monaco-tl-twistie').click();
  }

  async runCommand(title: string): Promise<void> {
    const input = this.page.locator('.quick-input-widget:visible input.input');
    const row = this.page
      .locator(`.quick-input-widget:visible .quick-input-list .monaco-list-row[aria-label^="${title}"]`)
      .first();
    // A page or view that takes the focus just then closes the picker.
    for (let tries = 0; tries < 5; tries += 1) {
      await this.page.keyboard.press('F1');
      const typed = await input.fill(`>${title}`, { timeout: 10_000 }).then(
        () => true,
        () => false,
      );
      if (typed && (await came(row, 20_000))) return this.page.keyboard.press('Enter');
      await this.page.keyboard.press('Escape');
    }
    throw new Error(`The palette does not stay open for ${title}.`);
  }

  /** A command that asks for one of several, and the answer to it. */
  async choose(title: string, choice: string | RegExp): Promise<void> {
    const row = this.page.locator('.quick-input-widget:visible .quick-input-list .monaco-list-row', {
      hasText: choice,
    });
    // A page or view that takes the focus just then closes the list.
    for (let tries = 0; tries < 5; tries += 1) {
      await this.runCommand(title);
      const chosen = await row.click({ timeout: 20_000 }).then(
        () => true,
        () => false,
      );
      if (chosen) return;
      await this.page.keyboard.press('Escape');
    }
    throw new Error(`The list of ${title} does not stay open.`);
  }

  /** The same by keys alone: what is typed leaves the one that is meant. */
  async chooseByKeys(title: string, choice: string): Promise<void> {
    const list = this.page.locator('.quick-input-widget:visible');
    for (let tries = 0; tries < 5; tries += 1) {
      await this.runCommand(title);
      const only = list.locator('.quick-input-list .monaco-list-row.focused', { hasText: choice });
      if (await came(list.locator('.quick-input-list .monaco-list-row', { hasText: choice }), 20_000)) {
        await this.page.keyboard.type(choice);
        if (await came(only, 10_000)) return this.page.keyboard.press('Enter');
      }
      await this.page.keyboard.press('Escape');
    }
    throw new Error(`The list of ${title} does not stay open.`);
  }

  /** Tabs on until this, in our panel, has the focus. */
  async tabTo(wanted: Locator): Promise<void> {
    const own = this.panel().locator(':focus');
    const focus = async () => [
      await this.page.locator(':focus').evaluateAll(texts),
      await own.evaluateAll(texts).catch(() => []),
    ];
    const texts = (all: unknown[]) => all.map((one) => (one as { outerHTML: string }).outerHTML);
    const there = wanted.and(own);
    for (let tabs = 0; tabs < 60; tabs += 1) {
      if ((await there.count()) > 0) return;
      const before = await focus();
      await this.page.keyboard.press('Tab');
      await expect.poll(focus).not.toEqual(before);
    }
    throw new Error('Sixty tabs do not lead there.');
  }

  /** Opens a file by the quick open of the workbench. */
  async openFile(name: string): Promise<void> {
    const input = this.page.locator('.quick-input-widget:visible input.input');
    const tab = this.page.locator('.tab.active', { hasText: name });
    const row = this.page
      .locator(`.quick-input-widget:visible .quick-input-list .monaco-list-row[aria-label^="${name}"]`)
      .first();
    // A view that takes the focus just then closes the picker, and the key goes elsewhere; a picker that was opened before the file
    // was there does not look again.
    for (let tries = 0; tries < 5; tries += 1) {
      await this.page.keyboard.press('Control+p');
      await input.waitFor();
      await input.fill(name);
      const chosen = await row.click({ timeout: 20_000 }).then(
        () => true,
        () => false,
      );
      if (!chosen) await this.page.keyboard.press('Escape');
      if (await came(tab, 10_000)) break;
    }
    await tab.waitFor();
    await this.page.locator('.statusbar-item[id="status.editor.mode"]', { hasText: 'Python' }).waitFor();
  }

  line(text: string | RegExp): Locator {
    return this.page.locator('.view-lines .view-line', { hasText: text }).first();
  }

  /** Calls the emulator that the editor started. */
  async post(pathname: string, body: unknown): Promise<{ status: number; body: unknown }> {
    const response = await fetch(`${this.emulator.url}${pathname}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: await response.json() };
  }

  toast(text: string | RegExp): Locator {
    return this.page.locator('.notifications-toasts .notification-list-item', { hasText: text });
  }

  status(): Locator {
    return this.page.locator('.statusbar-item[id="windtunnel.windtunnel.windtunnel.status"]');
  }

  /** The inside of one of our webview panels. */
  panel(): FrameLocator {
    return this.page.frameLocator(PANEL).frameLocator('iframe#active-frame');
  }

  /** Takes a theme by the workspace's own setting, whose file the workbench watches, and waits until it and our panel have it. */
  async theme({ id, bodyClass, workbenchClass }: (typeof THEMES)[number]): Promise<void> {
    const folder = path.join(this.emulator.workspace, '.vscode');
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'settings.json'), JSON.stringify({ 'workbench.colorTheme': id }));
    await this.page.locator(`.monaco-workbench.${workbenchClass}`).waitFor();
    if ((await this.page.locator(PANEL).count()) > 0) await this.panel().locator(`body.${bodyClass}`).waitFor();
  }

  /** What the terminal in front shows. */
  async terminalText(): Promise<string> {
    const rows = await this.page.locator('.terminal-wrapper.active .xterm-rows').innerText();
    return rows.replaceAll('\u00a0', ' ');
  }

  /** Keeps a picture of each window for whoever looks into a run: below WINDTUNNEL_TEST_PICTURES, nowhere without it. */
  async picture(name: string): Promise<void> {
    const folder = process.env.WINDTUNNEL_TEST_PICTURES;
    if (!folder) return;
    mkdirSync(folder, { recursive: true });
    const [first, ...others] = this.page.context().pages();
    await first?.screenshot({ path: path.join(folder, `${name}.png`) });
    for (const [index, page] of others.entries()) {
      await page.screenshot({ path: path.join(folder, `${name}-window-${index + 2}.png`) });
    }
  }

  /** Views that are folded, each with what it says while it is empty: asserts that, and pictures all of them together. */
  async welcomes(name: string, views: Record<string, Locator>): Promise<void> {
    for (const view of Object.keys(views)) await this.unfold(view);
    for (const text of Object.values(views)) await text.waitFor();
    await this.pictures(name);
    for (const view of Object.keys(views)) await this.fold(view);
  }

  /** The same in a theme of each kind. */
  async pictures(name: string): Promise<void> {
    if (!process.env.WINDTUNNEL_TEST_PICTURES) return;
    // Where nothing has a tooltip.
    await this.page.mouse.move(500, 3);
    for (const theme of THEMES) {
      await this.theme(theme);
      await this.picture(`${name}-${theme.kind}`);
    }
  }

  async close(): Promise<void> {
    await this.browser.close();
    await this.server.stop();
    await this.emulator.dispose();
  }
}

/** Shows the side bar with our views, in any window. */
export async function showWindtunnel(page: Page): Promise<void> {
  const item = page.locator('.activitybar .action-item:has(.action-label[aria-label^="Windtunnel"])');
  const apps = page.locator('.pane:has(.pane-header[aria-label^="Apps"])');
  await item.waitFor();
  // A click on the activity that is already chosen would close the side bar, whether its panes have been drawn or not; and a window
  // that is still opening may put another one in its place.
  for (let tries = 0; tries < 5; tries += 1) {
    const chosen = /(^|\s)checked(\s|$)/.test((await item.getAttribute('class')) ?? '');
    if (!chosen) await item.locator('.action-label').click();
    if (await came(apps, 10_000)) break;
  }
  await apps.waitFor();
}

/** Whether it came within that time, in ms. */
export async function came(locator: Locator, timeout: number): Promise<boolean> {
  return locator
    .first()
    .waitFor({ timeout })
    .then(
      () => true,
      () => false,
    );
}
