import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { importApp } from './import-app.ts';
import type { ImportedApp } from './platform.ts';
import { ImportReportSchema } from './report.ts';
import { reportMarkdown } from './report-markdown.ts';
import type { PythonParser } from './syntax.ts';
import { FIXTURES, fixture, fixtureNames } from './testing/fixtures.ts';
import { testParser } from './testing/test-parser.ts';

let parser: PythonParser;
beforeAll(async () => {
  parser = await testParser();
});

const convert = (name: string): ImportedApp => importApp(fixture(name), { from: 'auto', entry: null }, parser);
const textOf = (content: Uint8Array): string => Buffer.from(content).toString('utf8');

describe.each(fixtureNames())('%s', (name) => {
  it('becomes what it became before', async () => {
    const { files, report } = convert(name);
    for (const file of files.filter(({ origin }) => origin !== 'copied')) {
      await expect(textOf(file.content)).toMatchFileSnapshot(path.join(FIXTURES, name, 'expected', file.path));
    }
    await expect(reportMarkdown(report)).toMatchFileSnapshot(path.join(FIXTURES, name, 'expected/IMPORT.md'));
  });

  it('has a report of the documented form, with every piece of the source in it once', () => {
    const { report } = convert(name);
    expect(ImportReportSchema.parse(report)).toEqual(report);
    const statements = report.items.filter(({ kind, source }) => kind === 'statement' && source.file === report.entry);
    expect(new Set(statements.map(({ source, text }) => `${source.line} ${text}`)).size).toBe(statements.length);
    if (report.levels.BLOCKED > 0) return;
    const source = textOf(fixture(name).files.get(report.entry)!)
      .replace(/^\uFEFF/, '')
      .replaceAll('\r\n', '\n');
    const top = parser.withTree(source, (root) =>
      root.namedChildren.filter(({ type }) => type !== 'comment').map((node) => node.startPosition.row + 1),
    );
    expect(statements.map(({ source: { line } }) => line)).toEqual(top);
    for (const item of report.items.filter(({ outcome }) => outcome === 'reported')) {
      const there = report.findings.some(
        ({ source: at }) => at?.file === item.source.file && at.line >= item.source.line,
      );
      expect(there, `${item.source.file}:${item.source.line} is reported`).toBe(true);
    }
  });

  it('has a finding for each mark in the code, and a mark for each finding that is left', () => {
    const { files, report } = convert(name);
    const marks = files.flatMap(({ path: file, origin, content }) =>
      origin === 'copied'
        ? []
        : textOf(content)
            .split('\n')
            .flatMap((line, index) => {
              const code = /TODO\(fal-import\): (F\d+)/.exec(line)?.[1];
              return code === undefined ? [] : [`${file}:${index + 1} ${code}`];
            }),
    );
    const left = report.findings.filter(({ level }) => level === 'TODO');
    expect(left.map(({ target, code }) => `${target?.file}:${target?.line} ${code}`).sort()).toEqual(marks.sort());
  });

  it('names nothing of the platform that it left, and is the same the second time', () => {
    const { files, report } = convert(name);
    expect(convert(name).files).toEqual(files);
    const code = files.filter(({ path: file, origin }) => origin !== 'copied' && file.endsWith('.py'));
    for (const { content } of code) {
      const imports = textOf(content)
        .split('\n')
        .filter((line) => /^\s*(import|from)\s+(runpod|cog)\b/.test(line));
      expect(imports).toEqual([]);
    }
    const again = new Map(files.map(({ path: file, content }) => [file, content]));
    if (files.length === 0) return;
    const folder = { name: path.basename(name), files: again, unread: [] };
    expect(() => importApp(folder, { from: 'auto', entry: report.entry }, parser)).toThrow(/No app to import/);
  });
});
