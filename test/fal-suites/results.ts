import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod';

/** The release whose tests are run. */
export const PIN = 'fal==1.83.0';
export const RESULTS_FILE = path.join(import.meta.dirname, 'results.json');

const EngineSchema = z.enum(['process', 'docker']);
export type SuiteEngine = z.infer<typeof EngineSchema>;

const OutcomeSchema = z.enum(['passed', 'failed', 'error', 'skipped', 'xfailed', 'xpassed']);
export type Outcome = z.infer<typeof OutcomeSchema>;

/** `tests/e2e/test_apps.py` → test → engine → outcome, of the last run of each that was kept. */
const ResultsSchema = z.record(z.string(), z.record(z.string(), z.partialRecord(EngineSchema, OutcomeSchema)));
export type SuiteResults = z.infer<typeof ResultsSchema>;

/** Why a test does not pass here, by its name. */
const REASONS: Readonly<Record<string, string>> = {
  test_isolated: 'wants another host name than the client’s, which a process does not have',
  test_fal_compressed_file: 'downloads from the internet',
  test_workflows: 'workflows are not emulated',
  test_function_with_custom_health_path: 'wants port 8080 for itself, which processes share',
  test_function_health_override: 'wants port 8080 for itself, which processes share',
};

export function readResults(): SuiteResults {
  return ResultsSchema.parse(JSON.parse(readFileSync(RESULTS_FILE, 'utf8')));
}

/** The rows of a table in docs/fidelity.md, in the order of the suites: test, process, docker. */
export function suiteRows(results: SuiteResults): string[] {
  return Object.entries(results).flatMap(([file, tests]) =>
    Object.entries(tests).map(
      ([name, { process, docker }]) =>
        `| \`${file.replace('tests/', '')}\` | \`${shortName(name)}\` | ${cell(name, process)} | ${cell(name, docker)} |`,
    ),
  );
}

/** `12 passed, 1 failed` of one engine. */
export function tallyOf(results: SuiteResults, engine: SuiteEngine, suite: string): string {
  const counts = new Map<Outcome, number>();
  for (const [file, tests] of Object.entries(results)) {
    if (!file.startsWith(`tests/${suite}/`)) continue;
    for (const outcomes of Object.values(tests)) {
      const outcome = outcomes[engine];
      if (outcome !== undefined) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
    }
  }
  return [...counts].map(([outcome, count]) => `${count} ${outcome}`).join(', ') || 'never run';
}

function cell(name: string, outcome: Outcome | undefined): string {
  const reason = REASONS[name];
  switch (outcome) {
    case undefined:
      return '';
    case 'passed':
      return '✓';
    case 'xpassed':
      return '✓, where fal expects a failure';
    case 'failed':
    case 'error':
      return reason === undefined ? '✗' : `✗ ${reason}`;
    case 'skipped':
      return 'skipped by fal';
    case 'xfailed':
      return 'fails, as fal expects';
  }
}

/** Parameters may hold a whole picture. */
const shortName = (name: string): string => name.replace(/\[(.{40}).+\]$/, '[$1…]').replaceAll('|', '\\|');
