// `npm run fal-suites -- [integration|e2e] [--engine docker] [--write] [-k EXPRESSION] [--log FILE]`: fal's own live tests against
// the emulator. --write keeps what was shown in results.json, from which docs/fidelity.md lists each test. Ends with 1 where a
// test does worse than results.json says.
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import * as z from 'zod';
import { FIDELITY_FILE, writeFidelity } from '../conformance/fidelity/page-file.ts';
import { TestDaemon } from '../support/docker/test-daemon.ts';
import { has, NEEDS } from '../support/skip.ts';
import { RESULTS_FILE, readResults, type SuiteResults } from './results.ts';
import { runFalSuite } from './suite.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    engine: { type: 'string', default: 'process' },
    write: { type: 'boolean', default: false },
    k: { type: 'string', short: 'k' },
    log: { type: 'string' },
  },
});
const engine = z.enum(['process', 'docker']).parse(values.engine);
const targets = positionals.length > 0 ? positionals : ['integration', 'e2e'];

if (!(await has('dockerd'))) console.log(`Tests with an image fail here: a daemon for them ${NEEDS.dockerd.reason}.`);
const daemon = (await has('dockerd')) ? await TestDaemon.start() : null;
try {
  const { tests, output } = await runFalSuite({ targets, engine, only: values.k, daemon });
  if (values.log !== undefined) writeFileSync(values.log, output);
  const before = readResults();
  const after: SuiteResults = structuredClone(before);
  let worse = 0;
  for (const { file, name, outcome, why } of tests) {
    console.log(`${outcome.padEnd(8)} ${file}::${name}`);
    const bad = outcome === 'failed' || outcome === 'error';
    if (bad) console.log(`         ${why.replaceAll('\n', '\n         ')}`);
    if (bad && before[file]?.[name]?.[engine] !== outcome) worse++;
    after[file] ??= {};
    after[file][name] = { ...after[file][name], [engine]: outcome };
  }
  console.log(output.trim().split('\n').at(-1));
  console.log(`${worse} worse than in results.json`);
  if (values.write) {
    writeFileSync(RESULTS_FILE, `${JSON.stringify(after, null, 2)}\n`);
    writeFidelity({ items: {}, upstream: {} });
    console.log(`Kept in results.json and ${FIDELITY_FILE}.`);
  } else if (worse > 0) process.exitCode = 1;
} finally {
  await daemon?.dispose();
}
