import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { rawStrings } from './shown-strings.ts';

const read = (file: string) => readFileSync(file, 'utf8');

describe('what the editor shows', () => {
  it.each([
    "window.showErrorMessage('It broke.')",
    "window.showErrorMessage(text, 'Open Log')",
    `window.showInputBox({ prompt: \`Name of $\{app}\` })`,
  ])('%s is English for everybody', (text) => {
    expect(rawStrings('a.ts', text)).toHaveLength(1);
  });

  it.each([
    'window.showErrorMessage(error.message)',
    "window.showQuickPick(items, { title: 'Windtunnel', prompt: vscode.l10n.t('Name') })",
    `const item = { label: \`$(play) $\{name}\` }`,
  ])('%s is not', (text) => {
    expect(rawStrings('a.ts', text)).toEqual([]);
  });

  it.each([
    '<p>It broke.</p>',
    '<th>why</th>',
    '<button title="Copy the id" />',
    `<img alt={\`Preview of $\{name}\`} />`,
    "<p>{over ? 'It broke.' : l10n.t('Nothing yet.')}</p>",
    `<p>{tries > 1 ? \` · attempt $\{tries}\` : l10n.t('Once')}</p>`,
  ])('a page says %s in English to everybody', (text) => {
    expect(rawStrings('a.tsx', `const one = ${text};`)).toHaveLength(1);
  });

  it.each([
    "<p title={l10n.t('It broke.')}>{l10n.t('It broke.')} · {name}</p>",
    "<p className=\"two words\">{kind === 'start' ? l10n.t('One more') : l10n.t('{0} fewer', count)}</p>",
    '<code>JSON</code>',
    `<p>{\`$\{name}: $\{count}\`} s</p>`,
  ])('a page says %s in the language of the editor', (text) => {
    expect(rawStrings('a.tsx', `const one = ${text};`)).toEqual([]);
  });

  it('goes through l10n', () => {
    const folders = ['extension/core', 'extension/features', 'extension/main.ts', 'webview'];
    const sources = execFileSync('git', ['ls-files', ...folders], { encoding: 'utf8' });
    const files = sources.split('\n').filter((file) => /\.tsx?$/.test(file) && !file.endsWith('.test.ts'));
    expect(files.length).toBeGreaterThan(20);
    expect(files.flatMap((file) => rawStrings(file, read(file)))).toEqual([]);
  });
});

it('the manifest names its texts by keys that package.nls.json has, and no others', () => {
  const { contributes, capabilities } = JSON.parse(read('package.json')) as Record<string, object>;
  const texts: string[] = [];
  const raw: string[] = [];
  const visit = (value: unknown, key: string): void => {
    if (value !== null && typeof value === 'object') {
      for (const [name, child] of Object.entries(value)) visit(child, Array.isArray(value) ? key : name);
      return;
    }
    if (typeof value !== 'string') return;
    const named = /^%([\w.]+)%$/.exec(value)?.[1];
    if (named !== undefined) texts.push(named);
    else if (/title$|description|^label$|^contents$|^name$/i.test(key) && /[a-z]/i.test(value)) raw.push(value);
  };
  visit({ ...contributes, capabilities }, '');
  // What a launch configuration is called is written into launch.json; the other is the product's name.
  expect(raw.filter((text) => !/^Windtunnel(: .*)?$/.test(text))).toEqual([]);
  const known = Object.keys(JSON.parse(read('package.nls.json')) as object);
  expect([...new Set(texts)].sort()).toEqual(known.sort());
});
