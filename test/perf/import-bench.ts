import { importApp } from '../../emulator/import/import-app.ts';
import { fixture, fixtureNames } from '../../emulator/import/testing/fixtures.ts';
import { testParser } from '../../emulator/import/testing/test-parser.ts';

/** Milliseconds of the slowest file, in each round over every source of the importer's own tests. */
export async function benchImport(rounds: number): Promise<number[]> {
  const parser = await testParser();
  const sources = fixtureNames().map(fixture);
  return Array.from({ length: rounds }, () => {
    const times = sources.map((folder) => {
      const started = performance.now();
      importApp(folder, { from: 'auto', entry: null }, parser);
      return performance.now() - started;
    });
    return Math.max(...times);
  });
}
