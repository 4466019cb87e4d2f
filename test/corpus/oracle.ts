import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import * as z from 'zod/mini';
import type { CheckResult } from '../../emulator/cli/import-check/check-imported.ts';
import type { SourceFolder } from '../../emulator/import/platform.ts';
import type { Item } from '../../emulator/import/report.ts';

export interface OracleCase {
  name: string;
  /** As in a corpus list: `modal`, `runpod`, `runpod-flash`, `cog`. */
  kind: string;
  folder: SourceFolder;
  entry: string;
  items: readonly Item[];
  /** What the converted file holds, as `checkImported` found it. */
  found: Pick<CheckResult, 'apps' | 'functions'>;
}

const ResultSchema = z.array(
  z.object({ name: z.string(), wrong: z.array(z.string()), unaccounted: z.array(z.string()), read: z.number() }),
);
/** `wrong`: endpoints and fields that are not those of the source. `read`: fields that the oracle read from it. */
export type OracleResult = z.infer<typeof ResultSchema>[number];

/** Reads the sources with Python's own parser, independent of the importer, and compares. Writes them below `work`. */
export function askOracle(cases: readonly OracleCase[], python: string, work: string): OracleResult[] {
  const plan = cases.map(({ name, kind, folder, entry, items, found }, index) => {
    const home = path.join(work, String(index));
    for (const [file, bytes] of folder.files) {
      mkdirSync(path.dirname(path.join(home, file)), { recursive: true });
      writeFileSync(path.join(home, file), bytes);
    }
    return { name, kind, folder: home, entry, items, ...found };
  });
  const run = spawnSync(python, [path.join(import.meta.dirname, 'oracle/main.py')], {
    input: JSON.stringify({ cases: plan }),
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
  });
  if (run.status !== 0) throw new Error(`The oracle failed: ${run.stderr}`);
  return ResultSchema.parse(JSON.parse(run.stdout));
}
