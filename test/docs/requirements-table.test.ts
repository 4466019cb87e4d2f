import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

/** What docs/editor.md names for one requirement: files and folders, and the beginnings of titles in files. */
interface Row {
  requirement: string;
  files: string[];
  titles: { file: string; title: string }[];
}

// Those that this release has to meet (the others of the table say what could be shown of them).
const NEEDED = [1, 2, 3, 5, 6, 8, 9, 10, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22, 23, 24, 27, 29, 30];

function rowOf(line: string): Row | null {
  const [, requirement, , cell] = line.split('|').map((text) => text.trim());
  if (!requirement || !cell || !/^R\d+$/.test(requirement)) return null;
  const row: Row = { requirement, files: [], titles: [] };
  // Prose and code, in turn.
  const parts = cell.split('`');
  for (let index = 1; index < parts.length; index += 2) {
    const span = parts[index] ?? '';
    if (!/\/|\.ts$/.test(span)) continue;
    // A bare name stands in the folder of the file before.
    const file = span.includes('/') ? span : path.join(path.dirname(row.files.at(-1) ?? ''), span);
    row.files.push(file);
    const text = parts[index + 1] ?? '';
    if (!text.startsWith(':')) continue;
    const titles = text.slice(1).split(';');
    // What leads to a further file is no title.
    if (index + 2 < parts.length && !text.trimEnd().endsWith('.')) titles.pop();
    row.titles.push(...titles.map((title) => ({ file, title: title.trim().replace(/\.$/, '') })));
  }
  return row;
}

const rows = readFileSync('docs/editor.md', 'utf8')
  .split('\n')
  .flatMap((line) => rowOf(line) ?? []);

describe('the table of requirements in docs/editor.md', () => {
  it('has a line with a test for each that is to be met', () => {
    const named = rows.filter(({ files }) => files.length > 0).map(({ requirement }) => requirement);
    expect(named).toEqual(expect.arrayContaining(NEEDED.map((number) => `R${number}`)));
  });

  it.each(rows)('$requirement names files and tests that exist', ({ files, titles }) => {
    expect(files.filter((file) => !existsSync(file))).toEqual([]);
    const missing = titles.filter(({ file, title }) => {
      const begins = ["'", '"', '`'].map((quote) => `${quote}${title}`);
      const text = statSync(file).isFile() ? readFileSync(file, 'utf8') : '';
      return title === '' || !begins.some((one) => text.includes(one));
    });
    expect(missing).toEqual([]);
  });
});
