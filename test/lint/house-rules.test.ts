import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ERROR_CODES } from '../../emulator/contract/index.ts';
import { violations } from './house-rules.ts';

const tracked = execFileSync('git', ['ls-files', '-z'], { encoding: 'utf8' })
  .split('\0')
  .filter((file) => file !== '' && existsSync(file));
const isTest = (file: string) => /\.test\.tsx?$|\/(test-support|testing|fixtures)(\.ts|\/)|^test\//.test(file);
const read = (file: string) => readFileSync(file, 'utf8');

describe('violations', () => {
  it.each([
    ['emulator/fleet/a.ts', 'const t = Date.now();', 'Date.now'],
    ['emulator/fleet/a.ts', 'setTimeout(() => {}, 5);', 'setTimeout'],
    ['emulator/fleet/a.ts', 'const t = new Date();', 'new Date()'],
    ['emulator/store/a.ts', 'export const home = process.env.HOME;', 'process.env'],
    ['emulator/control/a.ts', 'console.error(1);', 'console'],
    ['emulator/core/timers.ts', 'performance.now();', 'performance.now'],
    ['emulator/core/a.ts', "process.kill(1, 'SIGKILL');", 'process.kill'],
    ['emulator/core/a.ts', 'const lot = Math.random();', 'Math.random'],
    ['emulator/core/bigFile.ts', '', 'kebab-case'],
    ['emulator/core/utils.ts', '', 'name the topic'],
    ['emulator/core/index.ts', '', 'barrel'],
    ['emulator/core/long.ts', '\n'.repeat(301), 'lines'],
  ])('%s with %j breaks a rule', (file, text, what) => {
    expect(violations(file, text)).toEqual([expect.stringContaining(what)]);
  });

  it.each([
    ['emulator/core/clock.ts', 'const t = Date.now(); setTimeout(f, 1);'],
    ['emulator/cli/main.ts', 'console.log(process.env.HOME);'],
    ['emulator/fleet/a.ts', 'clock.setTimeout(f, 1); new Date(at); clock.now();'],
    ['emulator/core/long.ts', `// Long: one table.\n${'\n'.repeat(301)}`],
  ])('%s with %j breaks none', (file, text) => {
    expect(violations(file, text)).toEqual([]);
  });
});

it('the source keeps the house rules', () => {
  const source = tracked.filter((file) => /^(emulator|extension|webview)\/.*\.tsx?$/.test(file) && !isTest(file));
  expect(source.flatMap((file) => violations(file, read(file)))).toEqual([]);
});

it('nothing is left to do later, and no test is skipped past test/support/skip.ts', () => {
  const marks = /\b(TODO|FIXME|XXX)\b|\b(it|test|describe)\.(skip|skipIf|runIf|only|todo)\b/;
  const code = tracked.filter((file) => /\.(tsx?|mjs|cjs|py|sh)$/.test(file) && !file.startsWith('test/lint/'));
  const found = code.flatMap((file) =>
    read(file)
      .split('\n')
      // One level of the importer's report has that name, and so have the marks that it leaves for its user.
      .map((line) => (/^emulator\/(import|cli\/commands\/import-)/.test(file) ? line.replace(/\bTODO\b/g, '') : line))
      .flatMap((line, index) => (marks.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : [])),
  );
  expect(found).toEqual([]);
});

it('each error code is produced by a test', () => {
  const tests = tracked
    .filter((file) => isTest(file) && !file.startsWith('test/docs/'))
    .map(read)
    .join('\n');
  expect(Object.keys(ERROR_CODES).filter((code) => !tests.includes(code))).toEqual([]);
});
