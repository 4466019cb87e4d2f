import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as z from 'zod';
import type { TestDaemon } from '../support/docker/test-daemon.ts';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { pythonWith } from '../support/python.ts';
import { sourceDistribution } from '../support/source-distribution.ts';
import { type Outcome, PIN, type SuiteEngine } from './results.ts';

/** fal gives a test 60 s. Here it may have an image to build, on a machine that is busy. */
const TEST_SECONDS = 300;

export interface FalSuite {
  /** Which of them: folders or files below `tests`. */
  targets: readonly string[];
  engine: SuiteEngine;
  /** pytest's `-k`. */
  only?: string | undefined;
  /** For the tests with an image, and for the docker engine. */
  daemon: TestDaemon | null;
}

export interface SuiteRun {
  /** In the order of the run. */
  tests: { file: string; name: string; outcome: Outcome; why: string }[];
  /** All that pytest printed. */
  output: string;
}

/** Writes one line for each test, which no other output can be taken for. */
const PLUGIN = `
import json, os
def pytest_runtest_logreport(report):
    if report.when != "call" and report.outcome == "passed":
        return
    state = report.outcome
    if hasattr(report, "wasxfail"):
        state = "xfailed" if state == "skipped" else "xpassed"
    elif report.when != "call" and state == "failed":
        state = "error"
    why = ""
    if state in ("failed", "error"):
        why = str(getattr(getattr(report.longrepr, "reprcrash", None), "message", report.longrepr))[:300]
    with open(os.environ["FAL_SUITES_REPORT"], "a") as file:
        file.write(json.dumps([report.nodeid, state, why]) + "\\n")
`;

const LineSchema = z.tuple([
  z.string(),
  z.enum(['passed', 'failed', 'error', 'skipped', 'xfailed', 'xpassed']),
  z.string(),
]);

/** Runs fal's own live tests, unmodified, out of the pinned source distribution, under `windtunnel exec`. */
export async function runFalSuite({ targets, engine, only, daemon }: FalSuite): Promise<SuiteRun> {
  const python = await pythonWith(path.join(import.meta.dirname, 'requirements.txt'));
  const source = await sourceDistribution(PIN);
  const work = mkdtempSync(path.join(tmpdir(), 'wt-fal-'));
  const report = path.join(work, 'report.jsonl');
  let emulator: EmulatorUnderTest | null = null;
  try {
    for (const name of ['tests', 'pyproject.toml'])
      cpSync(path.join(source, name), path.join(work, name), { recursive: true });
    writeFileSync(path.join(work, 'wt_report.py'), PLUGIN);
    emulator = await EmulatorUnderTest.prepare([], {
      ...(daemon?.env ?? {}),
      PATH: [path.dirname(python), process.env.PATH].join(path.delimiter),
      PYTHONPATH: work,
      PYTHONDONTWRITEBYTECODE: '1',
      FAL_SUITES_REPORT: report,
    });
    if (engine === 'docker') writeFileSync(path.join(emulator.workspace, 'windtunnel.jsonc'), '{"engine": "docker"}\n');
    await emulator.boot();
    // One of the tests asks git for its revision, as in a checkout.
    const git = 'git init -q && git -c user.name=t -c user.email=t@example.com commit -q --allow-empty -m t';
    const options = `-p wt_report -p no:cacheprovider -o timeout=${TEST_SECONDS} -o faulthandler_timeout=0`;
    const which = only === undefined ? '' : ` -k '${only}'`;
    const files = targets.map((target) => `tests/${target}`).join(' ');
    const script = `cd '${work}' && ${git} && ${python} -m pytest ${options}${which} ${files}`;
    const { stdout, stderr } = await emulator.exec('sh', ['-c', script]);
    const output = stdout + stderr;
    if (!existsSync(report)) throw new Error(`pytest reported no test:\n${output}`);
    const tests = readFileSync(report, 'utf8').trim().split('\n').map(readLine);
    return { tests, output };
  } finally {
    await emulator?.dispose();
    rmSync(work, { recursive: true, force: true });
  }
}

function readLine(line: string): SuiteRun['tests'][number] {
  const [id, outcome, why] = LineSchema.parse(JSON.parse(line));
  const at = id.indexOf('::');
  return { file: id.slice(0, at), name: id.slice(at + 2), outcome, why };
}
