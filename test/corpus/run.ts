// `npm run corpus -- --list FILE --sources DIR [--sources DIR] [--only KIND] [--json FILE] [--no-run]`: converts real sources,
// which are not of this repository, and looks at each: the report, the app under the real fal, the app beside its source,
// endpoints and fields against a reader of its own. Prints the table of levels by platform. Exit 1 when anything is wrong: a
// check that fails, a file that takes more than a second, fewer than 95 % of the compared the same, or one of the others whose
// report does not say why.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { type CheckCase, type CheckResult, checkImported } from '../../emulator/cli/import-check/check-imported.ts';
import { importApp } from '../../emulator/import/import-app.ts';
import type { ImportedApp } from '../../emulator/import/platform.ts';
import { type Level, LevelSchema } from '../../emulator/import/report.ts';
import { staticChecks } from '../../emulator/import/static-checks.ts';
import { testParser } from '../../emulator/import/testing/test-parser.ts';
import { testPython } from '../support/python.ts';
import { askOracle, type OracleResult } from './oracle.ts';
import { type CorpusEntry, readCorpus } from './read-corpus.ts';

interface Outcome {
  entry: CorpusEntry;
  app: ImportedApp | null;
  /** Of the processor, so that what else the machine does counts for nothing. */
  ms: number;
  checks: CheckResult['checks'];
  oracle: OracleResult | null;
}

const { values: options } = parseArgs({
  options: {
    list: { type: 'string' },
    sources: { type: 'string', multiple: true },
    only: { type: 'string' },
    json: { type: 'string' },
    'no-run': { type: 'boolean' },
  },
});
if (options.list === undefined || options.sources === undefined) {
  process.stderr.write(
    'usage: npm run corpus -- --list FILE --sources DIR [--sources DIR] [--only KIND] [--json FILE] [--no-run]\n',
  );
  process.exit(2);
}
const parser = await testParser();
const { entries, absent } = readCorpus(options.list, options.sources);
const outcomes = entries
  .filter(({ kind }) => options.only === undefined || kind === options.only)
  .map((entry): Outcome => {
    const started = process.cpuUsage();
    const taken = () => (process.cpuUsage(started).user + process.cpuUsage(started).system) / 1000;
    try {
      const app = importApp(entry.folder, { from: entry.platform, entry: entry.entry }, parser);
      const ms = taken();
      return { entry, app, ms, checks: staticChecks(entry.folder, app, parser), oracle: null };
    } catch (error) {
      const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
      return {
        entry,
        app: null,
        ms: taken(),
        checks: [{ check: 'converts', ok: false, detail }],
        oracle: null,
      };
    }
  });

if (!options['no-run']) {
  const work = mkdtempSync(path.join(tmpdir(), 'windtunnel-corpus-'));
  const cases = outcomes.flatMap(({ entry, app }): CheckCase[] =>
    app ? [{ name: entry.name, folder: entry.folder, app }] : [],
  );
  try {
    const python = await testPython();
    const found = new Map<string, CheckResult>();
    for await (const result of checkImported(cases, python, path.join(work, 'apps'), new AbortController().signal)) {
      outcomes.find(({ entry }) => entry.name === result.name)!.checks.push(...result.checks);
      found.set(result.name, result);
    }
    const asked = outcomes.flatMap(({ entry: { name, kind, folder, entry }, app }) => {
      const result = found.get(name);
      return app && result ? [{ name, kind, folder, entry, items: app.report.items, found: result }] : [];
    });
    for (const result of askOracle(asked, python, path.join(work, 'oracle'))) {
      const outcome = outcomes.find(({ entry }) => entry.name === result.name)!;
      outcome.oracle = result;
      const lines = [...result.wrong, ...result.unaccounted.map((what) => `${what} is in no row of the report`)];
      outcome.checks.push({ check: 'oracle', ok: lines.length === 0, detail: lines.join('; ') });
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

const SAME = 0.95;
const MOST_MS = 1000;
const STOPS = 'what the report leaves to you';

/** The findings of a report that tell why an app does not do as its source does. */
function explained({ app }: Outcome, detail: string): string[] {
  const found = app?.report.findings ?? [];
  const code = detail.includes(STOPS) ? /^F(128|760)$/ : /^F110$/;
  return found.filter((finding) => code.test(finding.code)).map(({ code: name, reason }) => `${name} ${reason}`);
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);
for (const outcome of outcomes) {
  const { entry, app, checks } = outcome;
  const blocked = app?.report.findings.filter(({ level }) => level === 'BLOCKED') ?? [];
  for (const { reason } of blocked) say(`BLOCKED  ${entry.name}: ${reason}`);
  for (const { check, detail } of checks.filter((one) => one.check === 'not compared'))
    say(`${check.toUpperCase()}  ${entry.name}: ${detail}`);
  for (const { alike, detail } of checks) if (alike) say(`FAIL ALIKE  ${entry.name}: ${detail}`);
  for (const { check, ok, detail } of checks) {
    if (ok) continue;
    const why = check === 'behaviour' ? explained(outcome, detail) : [];
    say(`${why.length > 0 ? 'DIFFERS' : 'FAILED'}   ${entry.name}: ${check}: ${detail}`);
    for (const reason of why) say(`         its report: ${reason}`);
  }
}
say('');
say(
  `platform      files  threw  blocked  converted ${LevelSchema.options.map((name) => name.padStart(7)).join(' ')}  same result  fail alike  differ  not compared  fields  slowest`,
);
for (const kind of [...new Set(outcomes.map(({ entry }) => entry.kind))]) {
  const own = outcomes.filter(({ entry }) => entry.kind === kind);
  const level = (name: Level): number => own.reduce((sum, { app }) => sum + (app?.report.levels[name] ?? 0), 0);
  const checks = own.flatMap((outcome) => outcome.checks);
  const behaviours = checks.filter(({ check }) => check === 'behaviour');
  const cells = [
    kind.padEnd(12),
    String(own.length).padStart(6),
    String(own.filter(({ app }) => app === null).length).padStart(6),
    String(own.filter(({ app }) => app && app.report.levels.BLOCKED > 0).length).padStart(8),
    String(own.filter(({ app }) => app && app.files.length > 0).length).padStart(10),
    ...LevelSchema.options.map((name) => String(level(name)).padStart(7)),
    String(behaviours.filter(({ ok, alike }) => ok && !alike).length).padStart(12),
    // Nothing but the same errors was seen of these: the stand-ins do not reach further.
    String(behaviours.filter(({ alike }) => alike).length).padStart(11),
    String(behaviours.filter(({ ok }) => !ok).length).padStart(7),
    String(checks.filter(({ check }) => check === 'not compared').length).padStart(13),
    String(own.reduce((sum, { oracle }) => sum + (oracle?.read ?? 0), 0)).padStart(7),
    `${Math.max(...own.map(({ ms }) => ms)).toFixed(0)} ms`.padStart(8),
  ];
  say(cells.join(' '));
}
for (const name of absent) say(`absent   ${name}`);
if (options.json !== undefined) {
  const rows = outcomes.map(({ entry, app, ms, checks, oracle }) => ({
    name: entry.name,
    kind: entry.kind,
    levels: app?.report.levels ?? null,
    ms,
    checks,
    fields: oracle?.read ?? 0,
  }));
  writeFileSync(options.json, `${JSON.stringify(rows, null, 2)}\n`);
}
const compared = outcomes.flatMap(({ checks }) => checks.filter(({ check }) => check === 'behaviour'));
const same = compared.filter(({ ok }) => ok).length;
const share = compared.length === 0 ? 1 : same / compared.length;
const failures = outcomes.flatMap((outcome) =>
  outcome.checks.filter(
    ({ check, ok, detail }) => !ok && (check !== 'behaviour' || explained(outcome, detail).length === 0),
  ),
);
const slow = outcomes.filter(({ ms }) => ms > MOST_MS);
say(
  `${same} of ${compared.length} the same (${(100 * share).toFixed(1)} %), ${failures.length} failed without a reason in a report, ${slow.length} files slower than ${MOST_MS} ms`,
);
process.exitCode = share < SAME || failures.length > 0 || slow.length > 0 ? 1 : 0;
