import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Reporter, SerializedError, TestModule, TestRunEndReason } from 'vitest/node';

/** What test/run.mjs reads of one vitest run. */
export interface SuiteReport {
  passed: number;
  failed: { name: string; message: string }[];
  skipped: { name: string; reason: string }[];
  /** Passed, but not the first time: with what ended the first try. */
  retried: { name: string; message: string }[];
  /** Each test, in the order of the run. */
  tests: { name: string; state: 'passed' | 'failed' | 'skipped' }[];
  /** Set-up that broke outside any test: a file that does not import, an unhandled rejection. */
  errors: string[];
}

/** Writes a SuiteReport to the file that WINDTUNNEL_TEST_REPORT names. */
export default class ReportFile implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[], reason: TestRunEndReason): void {
    const target = process.env.WINDTUNNEL_TEST_REPORT;
    if (!target) return;
    const report: SuiteReport = {
      passed: 0,
      failed: [],
      skipped: [],
      retried: [],
      tests: [],
      // Vitest says in which file's process it came up; no stack of a socket's error does.
      errors: unhandled.map(
        (error) => `${error.VITEST_TEST_PATH ?? 'outside any file'}: ${error.stack ?? error.message}`,
      ),
    };
    if (reason === 'interrupted') report.errors.push('The run was interrupted.');
    for (const module of modules) {
      const file = path.relative(process.cwd(), module.moduleId);
      report.errors.push(...module.errors().map((error) => `${file}: ${error.message}`));
      for (const suite of module.children.allSuites()) {
        report.errors.push(...suite.errors().map((error) => `${file} > ${suite.fullName}: ${error.message}`));
      }
      for (const test of module.children.allTests()) {
        const name = `${file} > ${test.fullName}`;
        const result = test.result();
        report.tests.push({ name, state: result.state === 'pending' ? 'skipped' : result.state });
        if (test.diagnostic()?.flaky) report.retried.push({ name, message: result.errors?.[0]?.message ?? '' });
        if (result.state === 'passed') report.passed += 1;
        else if (result.state === 'failed') report.failed.push({ name, message: result.errors[0]?.message ?? '' });
        else if (result.state === 'skipped' && result.note) report.skipped.push({ name, reason: result.note });
        else report.failed.push({ name, message: 'Did not run, and no reason was given (see test/support/skip.ts).' });
      }
    }
    writeFileSync(target, JSON.stringify(report));
  }
}
