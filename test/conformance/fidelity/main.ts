// `node main.ts [--write] REPORT`: docs/fidelity.md against a report of the suite (test/support/report.ts). Exit code 1 when
// they differ; --write makes them agree. `npm test` and `npm run fidelity` call it.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fidelityPage } from './page.ts';
import { resultsOf } from './results.ts';

const file = path.resolve(import.meta.dirname, '../../../docs/fidelity.md');
const [report = '', ...flags] = process.argv.slice(2).reverse();
const committed = existsSync(file) ? readFileSync(file, 'utf8') : '';
const page = fidelityPage(resultsOf(JSON.parse(readFileSync(report, 'utf8'))), committed);
if (page !== committed && flags.includes('--write')) writeFileSync(file, page);
else if (page !== committed) {
  const [now, was] = [page.split('\n'), committed.split('\n')];
  const line = now.findIndex((text, index) => text !== was[index]);
  console.error(`docs/fidelity.md differs from this run in line ${line + 1}; \`npm run fidelity\` writes it.`);
  console.error(`- ${was[line] ?? ''}\n+ ${now[line] ?? ''}`);
  process.exitCode = 1;
}
