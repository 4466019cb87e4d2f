import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { ImportReportSchema } from '../../import/report.ts';
import { FIXTURES } from '../../import/testing/fixtures.ts';
import { testParser } from '../../import/testing/test-parser.ts';
import { styleOf } from '../style.ts';
import type { Terminal } from '../terminal.ts';
import { importCommand } from './import-command.ts';

let folder: string;
let out: string[];
let terminal: Terminal;
const source = (name: string) => path.join(FIXTURES, 'runpod', name, 'source');

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'wt-import-'));
  out = [];
  terminal = {
    host: { env: {}, platform: process.platform, home: folder, uid: 0 },
    cwd: folder,
    out: (line) => void out.push(line),
    note: (line) => void out.push(line),
    status: () => undefined,
    style: styleOf(false, {}),
    noteStyle: styleOf(false, {}),
    interrupted: new AbortController().signal,
    interactive: false,
  };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const run = (
  given: string,
  options: { from?: string; out?: string; report?: string; json?: boolean; client?: string[] } = {},
) => importCommand(terminal, given, { from: 'auto', ...options }, testParser);

it('writes the app into a new folder, leaves the source as it was, and says what to do next', async () => {
  const before = readFileSync(path.join(source('plain'), 'handler.py'));
  expect(await run(source('plain'), { out: 'app', report: 'reports/r.json' })).toBe(0);
  expect(readdirSync(path.join(folder, 'app')).sort()).toEqual(['.windtunnel', 'IMPORT.md', 'handler.py']);
  expect(readFileSync(path.join(source('plain'), 'handler.py'))).toEqual(before);
  expect(out.at(-1)).toBe(`next: windtunnel run ${path.join(folder, 'app/handler.py')}`);
  const report = ImportReportSchema.parse(JSON.parse(readFileSync(path.join(folder, 'reports/r.json'), 'utf8')));
  expect(report).toMatchObject({
    platform: 'runpod',
    app: 'source',
    entry: 'handler.py',
    levels: { TODO: 0, BLOCKED: 0 },
  });
});

it('names each app of a file that has several: none runs by the name of the file alone', async () => {
  expect(await run(path.join(FIXTURES, 'modal/callers/source'), { out: 'app' })).toBe(0);
  const file = path.join(folder, 'app/pipeline.py');
  expect(out.filter((line) => line.startsWith('next: '))).toEqual(
    ['Store', 'Count', 'Shout', 'Total'].map((symbol) => `next: windtunnel run ${file}::${symbol}`),
  );
});

it('takes a file for its folder with that file as the entry', async () => {
  expect(await run(path.join(source('model-load'), 'handler.py'), { out: 'app', json: true })).toBe(0);
  expect(ImportReportSchema.parse(JSON.parse(out.join('\n'))).files.map(({ path: file }) => file)).toEqual([
    'engine.py',
    'handler.py',
  ]);
});

it('ends with 1 when something is left to a person, and shows where', async () => {
  expect(await run(source('several-starts'), { out: 'app' })).toBe(1);
  expect(out[0]).toMatch(/^TODO {2}F107 {2}handler.py:\d+ {2}\S/);
  const line = Number(/handler\.py:(\d+)/.exec(out[0]!)![1]);
  const written = readFileSync(path.join(folder, 'app/handler.py'), 'utf8').split('\n');
  expect(written[line - 1]).toContain('F107');
});

it('writes nothing of a source that cannot be converted', async () => {
  expect(await run(source('syntax-error'), { out: 'app' })).toBe(1);
  expect(out[0]).toContain('handler.py has a syntax error');
  expect(readdirSync(folder)).toEqual([]);
});

it('converts every app of a folder by itself, and shows a table', async () => {
  for (const name of ['plain', 'syntax-error', 'model-load']) {
    cpSync(source(name), path.join(folder, 'all', name), { recursive: true });
  }
  expect(await run('all', { out: 'apps', report: 'r.json' })).toBe(1);
  expect(readdirSync(path.join(folder, 'apps')).sort()).toEqual(['model-load', 'plain']);
  expect(readdirSync(path.join(folder, 'apps/model-load')).sort()).toEqual([
    '.windtunnel',
    'IMPORT.md',
    'engine.py',
    'handler.py',
  ]);
  const rows = out.slice(-3).map((line) => line.split(/ {2,}/));
  expect(rows.map(([platform, name]) => `${platform} ${name}`)).toEqual([
    'runpod model-load',
    'runpod plain',
    'runpod syntax-error',
  ]);
  expect(rows[2]![3]).toMatch(/^blocked: .* has a syntax error/);
  const reports = z.array(ImportReportSchema).parse(JSON.parse(readFileSync(path.join(folder, 'r.json'), 'utf8')));
  expect(reports.map(({ app }) => app)).toEqual(['model-load', 'plain', 'syntax-error']);
});

it('overwrites nothing', async () => {
  mkdirSync(path.join(folder, 'app'));
  writeFileSync(path.join(folder, 'app/mine.py'), '');
  await expect(run(source('plain'), { out: 'app' })).rejects.toMatchObject({ code: 'E_IMPORT_OUT' });
  await expect(run(source('plain'), { out: source('plain') })).rejects.toMatchObject({ code: 'E_IMPORT_OUT' });
  expect(readdirSync(path.join(folder, 'app'))).toEqual(['mine.py']);
});

it('says what is missing in a file of Modal without an app, and in a folder in which there is nothing', async () => {
  writeFileSync(path.join(folder, 'app.py'), 'import modal\n\napp = modal.App("x")\n');
  expect(await run(folder, { out: 'app' })).toBe(1);
  expect(out[0]).toContain('There is no app in app.py');
  await expect(run(folder, { from: 'cog' })).rejects.toMatchObject({ code: 'E_IMPORT_NOTHING' });
  await expect(run(folder, { from: 'runpod' })).rejects.toMatchObject({ code: 'E_IMPORT_NOTHING' });
  await expect(run(path.join(folder, 'absent'))).rejects.toMatchObject({ code: 'E_FILE_UNREADABLE' });
  await expect(run(folder, { from: 'heroku' })).rejects.toMatchObject({ code: 'E_USAGE' });
});

it('keeps what was edited when it is imported again, and tells what both changed', async () => {
  cpSync(source('plain'), path.join(folder, 'worker'), { recursive: true });
  await run('worker', { out: 'app' });
  const [from, to] = [path.join(folder, 'worker/handler.py'), path.join(folder, 'app/handler.py')];
  const change = (file: string, old: string, by: string) => {
    const text = readFileSync(file, 'utf8');
    expect(text).toContain(old);
    writeFileSync(file, text.replace(old, by));
  };
  change(to, 'app_name = "worker"', 'app_name = "mine"');
  change(from, 'return', 'print("new")\n    return');
  expect(await run('worker', { out: 'app' })).toBe(0);
  expect(readFileSync(to, 'utf8')).toMatch(/print\("new"\)[\s\S]*app_name = "mine"/);
  expect(out).toContain('handler.py: your edits and the new import are joined');

  change(to, 'print("new")', 'print("mine")');
  change(from, 'print("new")', 'print("newer")');
  expect(await run('worker', { out: 'app' })).toBe(1);
  expect(readFileSync(to, 'utf8')).toContain('print("mine")');
  expect(readFileSync(`${to}.imported`, 'utf8')).toContain('print("newer")');
  expect(out.join('\n')).toContain('CONFLICT handler.py');
});

it('names the files that call the app, and writes those that are asked for', async () => {
  cpSync(source('plain'), path.join(folder, 'worker'), { recursive: true });
  const caller = 'import runpod\n\nprint(runpod.Endpoint("x").run_sync({"input": {}}))\n';
  writeFileSync(path.join(folder, 'worker/ask.py'), caller);
  expect(await run('worker', { out: 'app' })).toBe(0);
  expect(readdirSync(path.join(folder, 'app'))).not.toContain('ask.py');
  expect(out).toContain('calls the app: ask.py (--client ask.py writes it, too)');
  expect(await run('worker', { out: 'again', client: ['ask.py'] })).toBe(0);
  expect(readFileSync(path.join(folder, 'again/ask.py'), 'utf8')).toContain('Endpoint(FAL_APP).run_sync(');
  await expect(run('worker', { out: 'more', client: ['other.py'] })).rejects.toThrow(/these do: ask.py/);
});
