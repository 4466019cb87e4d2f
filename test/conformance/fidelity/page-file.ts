import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fidelityPage } from './page.ts';
import type { Results } from './results.ts';

export const FIDELITY_FILE = 'docs/fidelity.md';
const file = path.resolve(import.meta.dirname, '../../..', FIDELITY_FILE);

/** The page as it is committed, and as it is with these results. */
export function fidelityPages(results: Results): { committed: string; page: string } {
  const committed = existsSync(file) ? readFileSync(file, 'utf8') : '';
  return { committed, page: fidelityPage(results, committed) };
}

/** Writes the page with these results; what they do not speak of stays. */
export function writeFidelity(results: Results): void {
  writeFileSync(file, fidelityPages(results).page);
}
