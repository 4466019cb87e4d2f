import { randomBytes } from 'node:crypto';
import * as vscode from 'vscode';

/** Folder of the built pages. */
export const pagesFolder = (extensionUri: vscode.Uri): vscode.Uri =>
  vscode.Uri.joinPath(extensionUri, 'dist', 'webview');

/** Icon of a panel's tab: unlike one of a view it takes no colour from the theme. */
export function panelIcon(extensionUri: vscode.Uri): { light: vscode.Uri; dark: vscode.Uri } {
  const media = (name: string) => vscode.Uri.joinPath(extensionUri, 'extension', 'media', name);
  return { light: media('panel-light.svg'), dark: media('panel-dark.svg') };
}

/** What stands for itself in a script block, whatever it holds. */
const scriptJson = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c');

/**
 * The page `dist/webview/<name>.js` with its styles. It may run that script, show what it was handed as bytes, and reach nothing: no
 * connection is allowed, so whatever it knows comes by messages, also in a remote window. Its texts in the language of the editor, where
 * there is a translation, are in the page itself, as data that is no script and needs no leave of the policy.
 */
export function pageHtml(webview: vscode.Webview, extensionUri: vscode.Uri, name: string, title: string): string {
  const nonce = randomBytes(16).toString('base64url');
  const file = (suffix: string) =>
    webview.asWebviewUri(vscode.Uri.joinPath(pagesFolder(extensionUri), `${name}.${suffix}`)).toString();
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    // React sets `style` by the DOM, which no policy covers; nothing inline is needed.
    `style-src ${webview.cspSource}`,
    `font-src ${webview.cspSource}`,
    'img-src blob: data:',
    'media-src blob: data:',
    "connect-src 'none'",
    "form-action 'none'",
    "base-uri 'none'",
  ].join('; ');
  return `<!DOCTYPE html>
<html lang="${vscode.env.language}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${file('css')}">
<title>${title.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</title>
</head>
<body>
<main id="root"></main>
${vscode.l10n.bundle ? `<script type="application/json" id="l10n">${scriptJson(vscode.l10n.bundle)}</script>\n` : ''}<script nonce="${nonce}" src="${file('js')}"></script>
</body>
</html>`;
}
