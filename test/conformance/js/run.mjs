// `node run.mjs 1 3 9`: runs these cases one after another; one JSON line a case on stdout.
import { cases as queueAndFiles } from './cases.mjs';
import { cases as live } from './live-cases.mjs';
import { retryCases } from './retry-cases.mjs';

const cases = { ...queueAndFiles, ...live, ...retryCases };
// What they stand on is loaded for them alone.
const elsewhere = {
  61: './ways-cases.mjs',
  stream: './ways-cases.mjs',
  62: './proxy-cases.mjs',
  64: './browser-cases.mjs',
};
if (process.env.WT_WAY) await import('./way.mjs');

const wanted = process.argv.slice(2);
for (const item of wanted) {
  const started = Date.now();
  let error = null;
  try {
    const run = cases[item] ?? (elsewhere[item] && (await import(elsewhere[item])).cases[item]);
    if (!run) throw new Error(`no JS case ${item}`);
    await run();
  } catch (e) {
    error = e instanceof Error ? `${e.message}${e.body ? ` ${JSON.stringify(e.body)}` : ''}\n${e.stack}` : String(e);
  }
  process.stdout.write(`${JSON.stringify({ item, ok: error === null, error, ms: Date.now() - started })}\n`);
}
process.exit(0);
