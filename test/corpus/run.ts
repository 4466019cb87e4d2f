import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as z from 'zod/mini';
import { importApp } from '../../emulator/import/import-app.ts';
import type { PlatformName, SourceFolder } from '../../emulator/import/platform.ts';
import { type ImportReport, type Level, LevelSchema } from '../../emulator/import/report.ts';
import { testParser } from '../../emulator/import/testing/test-parser.ts';
import { testPython } from '../support/python.ts';

// Imports real sources, which are not of this repository: `npm run corpus -- DIR [--from PLATFORM]`, or
// WINDTUNNEL_CORPUS. DIR holds a folder for each source, with the file to import named in DIR/index.tsv
// (platform, folder, file). What is converted is looked at with the real SDK and an independent reader.

const ResultSchema = z.array(
  z.object({
    name: z.string(),
    problems: z.array(z.string()),
    wrong: z.optional(z.array(z.string())),
    unaccounted: z.optional(z.array(z.string())),
  }),
);

const LEVELS: readonly Level[] = LevelSchema.options;

interface Run {
  name: string;
  platform: PlatformName;
  milliseconds: number;
  report: ImportReport | null;
  crash: string | null;
}

const args = process.argv.slice(2);
const at = args.indexOf('--from');
const only = at < 0 ? null : args.splice(at, 2)[1]!;
const root = args[0] ?? process.env.WINDTUNNEL_CORPUS;
if (root === undefined) throw new Error('Name the folder of sources: npm run corpus -- DIR, or WINDTUNNEL_CORPUS.');

const rows = readFileSync(path.join(root, 'index.tsv'), 'utf8')
  .trim()
  .split('\n')
  .map((line) => line.split('\t'));
const parser = await testParser();
const out = mkdtempSync(path.join(tmpdir(), 'wt-corpus-'));
const runs: Run[] = [];
const plan: unknown[] = [];
for (const [platform, folder, file] of rows) {
  if (only !== null && platform !== only) continue;
  const name = `${folder}/${file}`;
  const source = readFolder(path.join(root, folder!));
  const start = performance.now();
  let crash: string | null = null;
  let report: ImportReport | null = null;
  try {
    const app = importApp(source, { from: platform as PlatformName, entry: file! }, parser);
    report = app.report;
    for (const { path: target, content } of app.files) {
      mkdirSync(path.dirname(path.join(out, name, target)), { recursive: true });
      writeFileSync(path.join(out, name, target), content);
    }
    if (app.files.length > 0) {
      const items = report.items.filter((item) => item.source.file === report!.entry);
      plan.push({
        name,
        platform,
        source: path.join(root, folder!, file!),
        converted: path.join(out, name),
        entry: report.entry,
        items,
      });
    }
  } catch (error) {
    crash = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  runs.push({ name, platform: platform as PlatformName, milliseconds: performance.now() - start, report, crash });
}

const check = spawnSync(await testPython(), [path.join(import.meta.dirname, 'check.py')], {
  input: JSON.stringify(plan),
  encoding: 'utf8',
  maxBuffer: 1 << 28,
  env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
});
if (check.status !== 0) throw new Error(check.stderr);
const results = ResultSchema.parse(JSON.parse(check.stdout.slice(check.stdout.lastIndexOf('\n[') + 1)));
let bad = 0;
for (const run of runs) {
  const result = results.find(({ name }) => name === run.name);
  const lines = [...(run.crash === null ? [] : [`crash: ${run.crash}`]), ...(result?.problems ?? [])];
  lines.push(
    ...(result?.wrong ?? []).map((text) => `wrong: ${text}`),
    ...(result?.unaccounted ?? []).map((text) => `unaccounted: ${text}`),
  );
  bad += lines.length;
  const blocked = run.report?.findings.find(({ level }) => level === 'BLOCKED');
  const levels = run.report
    ? Object.entries(run.report.levels)
        .map(([level, count]) => `${level} ${count}`)
        .join(', ')
    : '';
  console.log(`${run.name}: ${levels}, ${run.milliseconds.toFixed(0)} ms${blocked ? ` (${blocked.reason})` : ''}`);
  for (const line of lines) console.log(`  ${line}`);
}
for (const platform of new Set(runs.map((run) => run.platform))) {
  const own = runs.filter((run) => run.platform === platform);
  const sum = (level: Level) => own.reduce((total, { report }) => total + (report?.levels[level] ?? 0), 0);
  const converted = own.filter(({ report }) => report && report.levels.BLOCKED === 0).length;
  const clean = own.filter(
    ({ report }) => report && LEVELS.slice(2).every((level) => report.levels[level] === 0),
  ).length;
  const slowest = Math.max(...own.map(({ milliseconds }) => milliseconds));
  console.log(
    `${platform}: ${own.length} files, ${converted} converted (${clean} with nothing left to do), ${own.length - converted} blocked; ` +
      `findings ${LEVELS.map((level) => `${level} ${sum(level)}`).join(', ')}; slowest ${slowest.toFixed(0)} ms`,
  );
}
if (process.env.WINDTUNNEL_CORPUS_KEEP === undefined) rmSync(out, { recursive: true, force: true });
else console.log(`kept in ${out}`);
process.exitCode = bad > 0 ? 1 : 0;

function readFolder(folder: string): SourceFolder {
  const files = new Map<string, Uint8Array>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isFile()) files.set(path.relative(folder, file).split(path.sep).join('/'), readFileSync(file));
  }
  return { name: path.basename(folder), files: new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1))), unread: [] };
}
