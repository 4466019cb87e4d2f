import { beforeEach, expect, it, vi } from 'vitest';
import type * as vscode from 'vscode';

const { l10n } = vi.hoisted(() => ({ l10n: { bundle: undefined as Record<string, string> | undefined } }));

// A stand-in for the editor: only what the page is made with.
vi.mock('vscode', () => ({
  l10n,
  env: { language: 'de' },
  Uri: { joinPath: (...parts: unknown[]) => parts.join('/') },
}));

const page = async (): Promise<string> => {
  const { pageHtml } = await import('./page-html.ts');
  const webview = { cspSource: 'editor:', asWebviewUri: (uri: unknown) => uri } as unknown as vscode.Webview;
  return pageHtml(webview, 'extension' as unknown as vscode.Uri, 'timeline', 'Timeline');
};

const handed = (html: string): string | undefined =>
  /<script type="application\/json" id="l10n">([^<]*)<\/script>/.exec(html)?.[1];

beforeEach(() => {
  l10n.bundle = undefined;
});

it('the editor hands its translations to a page, before the page begins', async () => {
  l10n.bundle = { All: 'Alle', Send: '</script><b>Los' };
  const html = await page();
  expect(JSON.parse(handed(html) ?? '')).toEqual(l10n.bundle);
  expect(html.indexOf('id="l10n"')).toBeLessThan(html.indexOf('timeline.js'));
});

it('a page in English is handed none', async () => {
  expect(handed(await page())).toBeUndefined();
});
