import { globSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

interface Welcome {
  view: string;
  contents: string;
}

const read = (file: string) => readFileSync(file, 'utf8');

it('each welcome view of the manifest is seen in the real workbench, by a test that names it', () => {
  const { contributes } = JSON.parse(read('package.json')) as { contributes: { viewsWelcome: Welcome[] } };
  const declared = contributes.viewsWelcome.map(({ view, contents }) => `${view}: ${contents.replaceAll('%', '')}`);
  const seen = globSync('test/vscode/*.test.ts')
    .flatMap((file) => [...read(file).matchAll(/\.welcome\('([\w.]+)', '([\w.]+)'\)/g)])
    .map(([, view, contents]) => `${view}: ${contents}`);
  expect([...new Set(seen)].sort()).toEqual([...new Set(declared)].sort());
});
