import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TestDaemon } from '../support/docker/test-daemon.ts';
import { has, requires } from '../support/skip.ts';
import { PIN, readResults, type SuiteEngine } from './results.ts';
import { runFalSuite, type SuiteRun } from './suite.ts';

// Each suite on the engine that it is the most telling on; `npm run fal-suites` runs both on both.
const SUITES: { suite: string; engine: SuiteEngine; needsDaemon(test: string): boolean }[] = [
  { suite: 'integration', engine: 'process', needsDaemon: (test) => test.includes('container') },
  { suite: 'e2e', engine: 'docker', needsDaemon: () => true },
];

let daemon: TestDaemon | null = null;
beforeAll(async () => {
  daemon = (await has('dockerd')) ? await TestDaemon.start() : null;
}, 900_000);
afterAll(() => daemon?.dispose(), 120_000);

describe.each(SUITES)(`tests/$suite of ${PIN}, unmodified, under exec, engine $engine`, (given) => {
  const { suite, engine, needsDaemon } = given;
  const results = Object.entries(readResults()).filter(([file]) => file.startsWith(`tests/${suite}/`));
  let run: SuiteRun | null = null;

  beforeAll(async () => {
    if (engine === 'docker' && daemon === null) return;
    run = await runFalSuite({ targets: [suite], engine, daemon });
  }, 1_500_000);

  for (const [file, tests] of results) {
    for (const [name, outcomes] of Object.entries(tests)) {
      if (outcomes[engine] !== 'passed') continue;
      test(`${file}::${name.slice(0, 80)}`, async (context) => {
        if (needsDaemon(name)) await requires('dockerd')(context);
        const shown = run?.tests.find((one) => one.file === file && one.name === name);
        expect(shown?.outcome, `${shown?.why}\n${run?.output}`).toBe('passed');
      });
    }
  }

  test('are all in the table of docs/fidelity.md', async (context) => {
    if (engine === 'docker') await requires('dockerd')(context);
    const known = new Set(results.flatMap(([file, tests]) => Object.keys(tests).map((name) => `${file}::${name}`)));
    const ran = run?.tests.map(({ file, name }) => `${file}::${name}`) ?? [];
    expect(ran.length).toBeGreaterThan(0);
    expect(ran.filter((name) => !known.has(name))).toEqual([]);
  });
});
