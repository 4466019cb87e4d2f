/** Counts of one run of `npm test`, and what is said about them at the end. */
export class Tally {
  passed = 0;
  /** @type {{name: string, message: string}[]} */
  failed = [];
  /** @type {{name: string, reason: string}[]} */
  skipped = [];
  /** @type {{name: string, message: string}[]} */
  retried = [];

  pass(name) {
    this.passed += 1;
    console.log(`ok      ${name}`);
  }

  fail(name, message) {
    this.failed.push({ name, message });
    console.log(`FAILED  ${name}\n${indent(message)}`);
  }

  skip(name, reason) {
    this.skipped.push({ name, reason });
    console.log(`skipped ${name}: ${reason}`);
  }

  /** Runs one check that throws when it does not hold. */
  async check(name, body) {
    try {
      await body();
      this.pass(name);
    } catch (error) {
      this.fail(name, error.output ?? error.stack);
    }
  }

  /** Takes over a SuiteReport of test/support/report.ts. A suite that ran no test has failed. */
  add(suite, report) {
    this.passed += report.passed;
    this.failed.push(...report.failed, ...report.errors.map((message) => ({ name: suite, message })));
    this.skipped.push(...report.skipped);
    this.retried.push(...report.retried);
    if (report.passed + report.failed.length + report.errors.length + report.skipped.length === 0) {
      this.fail(suite, 'The suite ran no test.');
    }
  }

  /** Prints the end of the run; its last line is `N passed, N failed, N skipped`. */
  summarize() {
    if (this.skipped.length > 0) console.log('\nSkipped:');
    for (const { name, reason } of this.skipped) console.log(`  ${name}: ${reason}`);
    if (this.retried.length > 0) console.log('\nPassed at the second try only:');
    for (const { name, message } of this.retried) console.log(`  ${name}: ${message.split('\n')[0]}`);
    if (this.failed.length > 0) console.log('\nFailed:');
    for (const { name, message } of this.failed) console.log(`  ${name}: ${message.split('\n')[0]}`);
    console.log(`\n${this.passed} passed, ${this.failed.length} failed, ${this.skipped.length} skipped`);
  }
}

function indent(text) {
  return text.replace(/^/gm, '        ');
}
