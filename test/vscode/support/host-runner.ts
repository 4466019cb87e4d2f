// Runs inside the extension host: mocha over the bundled host tests, and a report for the suite outside.
import { writeFileSync } from 'node:fs';
import imported from 'mocha';

// Node 22, of older versions of VS Code, gives a required ES module's namespace, Node 24 what it exports by default.
const Mocha = (imported as unknown as { default?: typeof imported }).default ?? imported;

/** What one test of the extension host came to. */
export interface HostResult {
  name: string;
  /** Null: it passed. */
  failure: string | null;
}

export async function run(): Promise<void> {
  const files = JSON.parse(process.env.VSCODE_TEST_FILES ?? '[]') as string[];
  const reportFile = process.env.VSCODE_TEST_REPORT ?? '';
  const mocha = new Mocha({ ui: 'bdd', timeout: 120_000, color: false });
  for (const file of files) mocha.addFile(file);
  const results: HostResult[] = [];
  await new Promise<void>((resolve, reject) => {
    const runner = mocha.run((failures) => {
      writeFileSync(reportFile, JSON.stringify(results));
      if (failures > 0) reject(new Error(`${failures} tests failed`));
      else resolve();
    });
    runner.on('pass', (test) => results.push({ name: test.fullTitle(), failure: null }));
    runner.on('fail', (test, error: Error) =>
      results.push({ name: test.fullTitle(), failure: error.stack ?? error.message }),
    );
  });
}
