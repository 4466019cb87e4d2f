// `node main.ts [--write] REPORT`: docs/fidelity.md against a report of the suite (test/support/report.ts). Exit code 1 when
// they differ; --write makes them agree. `npm test` and `npm run fidelity` call it.
import { readFileSync } from 'node:fs';
import { FIDELITY_FILE, fidelityPages, writeFidelity } from './page-file.ts';
import { resultsOf } from './results.ts';

const [report = '', ...flags] = process.argv.slice(2).reverse();
const results = resultsOf(JSON.parse(readFileSync(report, 'utf8')));
const { committed, page } = fidelityPages(results);
if (page !== committed && flags.includes('--write')) writeFidelity(results);
else if (page !== committed) {
  const [now, was] = [page.split('\n'), committed.split('\n')];
  const line = now.findIndex((text, index) => text !== was[index]);
  console.error(`${FIDELITY_FILE} differs from this run in line ${line + 1}; \`npm run fidelity\` writes it.`);
  console.error(`- ${was[line] ?? ''}\n+ ${now[line] ?? ''}`);
  process.exitCode = 1;
}
