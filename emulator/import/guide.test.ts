import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { importApp } from './import-app.ts';
import type { PythonParser } from './syntax.ts';
import { testParser } from './testing/test-parser.ts';

const pairsOf = (guide: string) => [
  ...guide.matchAll(
    /## ([^\n]+)\n(?:(?!\n## )[\s\S])*?```python before\n([\s\S]*?)```\n\n```python after\n([\s\S]*?)```/g,
  ),
];

let parser: PythonParser;
beforeAll(async () => {
  parser = await testParser();
});

describe.each([
  ['runpod', 'handler.py'],
  ['cog', 'predict.py'],
  ['modal', 'app.py'],
])('docs/import-%s.md', (platform, entry) => {
  const guide = readFileSync(path.resolve(import.meta.dirname, `../../docs/import-${platform}.md`), 'utf8');
  const pairs = pairsOf(guide);

  it('shows a pair for each kind of mapping', () => {
    expect(pairs.length).toBe(guide.match(/```python before/g)?.length);
    expect(pairs.length).toBeGreaterThanOrEqual(7);
  });

  it.each(pairs.map(([, title, before, after]) => [title!, before!, after!]))('%s', (_title, before, after) => {
    const folder = { name: 'worker', files: new Map([[entry, Buffer.from(before)]]), unread: [] };
    const { files } = importApp(folder, { from: 'auto', entry: null }, parser);
    const written = Buffer.from(files.find((file) => file.path === entry)!.content).toString('utf8');
    const lines = written.split('\n');
    let at = 0;
    for (const line of after.trimEnd().split('\n')) {
      const found = lines.indexOf(line, at);
      expect(found, `${line}\nin order in\n${written}`).toBeGreaterThanOrEqual(0);
      at = found + 1;
    }
  });
});

it('docs/import-rows.md names tests and fixtures that are there', () => {
  const root = path.resolve(import.meta.dirname, '../..');
  const [table = ''] = readFileSync(path.join(root, 'docs/import-rows.md'), 'utf8').split('\n## ');
  const rows = table.split('\n').filter((line) => /^\| (?!source|---)/.test(line));
  expect(rows.length).toBeGreaterThan(20);
  for (const row of rows) {
    const named = [...row.split('|')[3]!.matchAll(/`([^`]+)`/g)].map(([, file]) => file!);
    expect(named.length, row).toBeGreaterThan(0);
    for (const file of named) expect(existsSync(path.join(root, file)), file).toBe(true);
  }
});
