import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { EmulatorUnderTest } from '../../support/emulator.ts';
import type { SuiteReport } from '../../support/report.ts';
import { appsOf, type Client } from '../items.ts';
import { pinnedClient, runCase } from '../run-case.ts';

const root = path.resolve(import.meta.dirname, '../../..');
const apps = path.join(import.meta.dirname, '../apps');
const CASE_TIMEOUT_MS = 75_000;
/** What the test of an item says of a build: null when it passes, else its first line. */
export type Verdict = string | null;

/** Starts an emulator of this build for the items and runs their cases by these clients, one after another. */
export async function checkCases(
  cli: string,
  cases: readonly { item: number; client: 'J' | 'P' }[],
  onVerdict: (item: number, client: Client, verdict: Verdict) => void,
): Promise<void> {
  const emulator = await EmulatorUnderTest.start([apps], {}, cli);
  try {
    const wanted = new Set(cases.flatMap(({ item }) => appsOf(item)));
    await Promise.all([...wanted].map((file) => emulator.run(file)));
    for (const { item, client } of cases) {
      const running = runCase(emulator, await pinnedClient(client), item);
      onVerdict(item, client, await verdictOf(running));
    }
  } finally {
    await emulator.dispose();
  }
}

/** Runs the vitest test of an item that no client alone can show. */
export async function checkTest(cli: string, item: number, client: Client): Promise<Verdict> {
  const folder = mkdtempSync(path.join(tmpdir(), 'wt-m-'));
  const report = path.join(folder, 'report.json');
  try {
    const args = [
      'run',
      'test/conformance/emulator.test.ts',
      'test/conformance/offline.test.ts',
      '-t',
      `#${item} ${client}`,
    ];
    await ended(path.join(root, 'node_modules/vitest/vitest.mjs'), [...args, '--reporter=./test/support/report.ts'], {
      ...process.env,
      WINDTUNNEL_TEST_CLI: cli,
      WINDTUNNEL_TEST_REPORT: report,
    });
    const { passed, failed, errors }: SuiteReport = JSON.parse(readFileSync(report, 'utf8'));
    const mine = failed.filter(({ name }) => name.includes(`#${item} ${client}`));
    if (mine.length > 0) return firstLine(mine[0]?.message ?? '');
    if (errors.length > 0 || passed === 0) throw new Error(`#${item} ${client} did not run: ${errors.join('; ')}`);
    return null;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function verdictOf(running: Promise<void>): Promise<Verdict> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no end within ${CASE_TIMEOUT_MS / 1000} s`)), CASE_TIMEOUT_MS);
  });
  try {
    await Promise.race([running, late]);
    return null;
  } catch (error) {
    return firstLine(error instanceof Error ? error.message : String(error));
  } finally {
    clearTimeout(timer);
  }
}

/** The line that says what happened: the last of a Python traceback, the first of anything else. */
function firstLine(text: string): string {
  const lines = text.trim().split('\n');
  return (lines[0]?.startsWith('Traceback') ? lines.at(-1) : lines[0]) || 'it failed';
}

function ended(script: string, args: string[], env: NodeJS.ProcessEnv): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], { cwd: root, env, stdio: 'ignore' });
    child.once('error', reject);
    child.once('close', () => resolve());
  });
}
