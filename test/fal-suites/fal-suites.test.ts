import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestDaemon } from '../support/docker/test-daemon.ts';
import { has, requires } from '../support/skip.ts';
import { PIN, readResults } from './results.ts';
import { runFalSuite, type SuiteRun } from './suite.ts';

// The faster of fal's own suites, on the faster engine; `npm run fal-suites` runs both on both.
const results = Object.entries(readResults()).filter(([file]) => file.startsWith('tests/integration/'));
let run: SuiteRun;
let daemon: TestDaemon | null = null;

beforeAll(async () => {
  daemon = (await has('dockerd')) ? await TestDaemon.start() : null;
  run = await runFalSuite({ targets: ['integration'], engine: 'process', daemon });
}, 1_500_000);

afterAll(() => daemon?.dispose(), 120_000);

describe(`tests/integration of ${PIN}, unmodified, under exec, on the process engine`, () => {
  for (const [file, tests] of results) {
    for (const [name, { process: expected }] of Object.entries(tests)) {
      if (expected !== 'passed') continue;
      test(`${file}::${name.slice(0, 80)}`, async (context) => {
        if (name.includes('container')) await requires('dockerd')(context);
        const shown = run.tests.find((one) => one.file === file && one.name === name);
        expect(shown?.outcome, `${shown?.why}\n${run.output}`).toBe('passed');
      });
    }
  }

  test('are all in the table of docs/fidelity.md', () => {
    const known = new Set(results.flatMap(([file, tests]) => Object.keys(tests).map((name) => `${file}::${name}`)));
    expect(run.tests.map(({ file, name }) => `${file}::${name}`).filter((name) => !known.has(name))).toEqual([]);
  });
});
