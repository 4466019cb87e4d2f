// `npm test`: bootstraps, lints, builds, runs every suite, looks for what was left behind, and ends with one line of counts.
// `npm test -- lint unit conformance` runs those parts only. Plain JavaScript for Node 20: it runs on a fresh clone.
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { bootstrap, root, run } from './scripts/bootstrap.mjs';
import { leftFiles, leftProcesses } from './scripts/census.mjs';
import { installSystemPackages } from './scripts/system-packages.mjs';
import { Tally } from './scripts/tally.mjs';

// Minutes, to end a suite that hangs; the soak is a suite of this runner with more rounds.
const SUITE_MINUTES = Number(process.env.WINDTUNNEL_TEST_SUITE_MINUTES ?? 30);
// The workbench, with a focus and menus of its own, and a Docker daemon, with its own idea of how long a call may take, are foreign
// programs; a test of one may run a second time, and the end of the run names each that had to. All else must hold at once.
const TRIES_AGAIN = new Set(['vscode', 'docker']);
// Each is one long file, which keeps one core busy: two of them take the time of one.
const TOGETHER = ['fal-suites', 'faults'];
// Run when named only.
const BY_NAME = ['podman'];
const parts = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const writesFidelity = process.argv.includes('--write-fidelity');
const wants = (name) => (parts.length === 0 && !BY_NAME.includes(name)) || parts.includes(name);
const tally = new Tally();

const node = await bootstrap();
installSystemPackages((line) => console.error(line), parts);
const tool = (name) => path.join(root, 'node_modules/.bin', name);
// The project's own Node for every script that says `env node`, whatever the caller's is.
process.env.PATH = `${path.join(root, 'node_modules/.bin')}${path.delimiter}${process.env.PATH}`;
// Built ahead of the suites, so that no test pays for it or races another for it.
const python = (await output(node, ['test/support/python.ts'])).trim();

if (wants('lint')) await lint();
const suites = joined((await findSuites()).filter(({ name }) => wants(name)));
if (wants('build') || suites.length > 0) await tally.check('build', () => run(node, ['build.mjs']));
for (const suite of suites) await runSuite(suite);
if (parts.length > 0 && suites.length === 0 && !wants('lint') && !wants('build')) {
  tally.fail(
    parts.join(' '),
    'No part of that name. Parts: lint, build, unit, and the folders of test/ that hold tests.',
  );
}

tally.summarize();
process.exitCode = tally.failed.length > 0 ? 1 : 0;

async function lint() {
  await tally.check('lint: biome', () => output(tool('biome'), ['ci', '--colors=off', '.']));
  await tally.check('lint: types', () => output(tool('tsc'), ['-p', '.']));
  await tally.check('lint: types of the pages', () => output(tool('tsc'), ['-p', 'webview']));
  await tally.check('lint: dependency direction', () =>
    output(tool('depcruise'), ['--config', '.dependency-cruiser.cjs', 'emulator', 'extension', 'webview', 'test']),
  );
  await tally.check('lint: python', () =>
    output(path.join(path.dirname(python), 'ruff'), ['check', '--no-cache', 'emulator', 'examples', 'test']),
  );
}

/** `unit` is what stands beside the source; every folder of test/ that holds a *.test.ts is a suite of its own. */
async function findSuites() {
  const found = [
    { name: 'unit', folders: ['emulator'] },
    { name: 'extension', folders: ['extension'] },
    { name: 'webview', folders: ['webview'] },
  ];
  for (const entry of await readdir(path.join(root, 'test'), { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const files = await readdir(path.join(root, 'test', entry.name), { recursive: true });
    if (files.some((file) => file.endsWith('.test.ts')))
      found.push({ name: entry.name, folders: [`test/${entry.name}`] });
  }
  return found;
}

/** Those of TOGETHER as one. */
function joined(suites) {
  const together = suites.filter(({ name }) => TOGETHER.includes(name));
  if (together.length < 2) return suites;
  const one = {
    name: together.map(({ name }) => name).join(' and '),
    folders: together.flatMap(({ folders }) => folders),
  };
  return [...suites.filter((suite) => !together.includes(suite)), one];
}

/** One vitest run in a private folder, where whatever it leaves behind is found and fails the run. */
async function runSuite({ name, folders }) {
  console.log(`\n== ${name}`);
  // Short: a unix socket's path may have 104 bytes in all on macOS.
  const runFolder = await mkdtemp(path.join(os.tmpdir(), 'wt-'));
  const reportFile = path.join(runFolder, 'report.json');
  const tmp = path.join(runFolder, 'tmp');
  const home = path.join(runFolder, 'home');
  await Promise.all([tmp, home, path.join(runFolder, 'run')].map((folder) => mkdir(folder, { mode: 0o700 })));
  const env = {
    ...withoutFal(process.env),
    ...(process.stdout.isTTY ? {} : { NO_COLOR: '1' }),
    TMPDIR: tmp,
    WINDTUNNEL_HOME: home,
    XDG_RUNTIME_DIR: path.join(runFolder, 'run'),
    WINDTUNNEL_TEST_PYTHON: python,
    WINDTUNNEL_TEST_REPORT: reportFile,
    // Of each view in each theme, and of what failed: for whoever looks into a run.
    WINDTUNNEL_TEST_PICTURES: process.env.WINDTUNNEL_TEST_PICTURES ?? path.join(root, 'test-results/pictures'),
  };
  // A filter is a part of a path: whole, so that `emulator` is not any path with the word in it.
  const filters = folders.map((folder) => `${path.join(root, folder)}${path.sep}`);
  const args = ['node_modules/vitest/vitest.mjs', 'run', ...filters];
  if (TRIES_AGAIN.has(name)) args.push('--retry=1');
  const ended = await spawned(node, [...args, '--reporter=default', '--reporter=./test/support/report.ts'], env);
  if (existsSync(reportFile)) {
    tally.add(name, JSON.parse(await readFile(reportFile, 'utf8')));
    if (name === 'conformance') await checkFidelity(reportFile);
  } else tally.fail(name, `vitest ended with ${ended} and no report.`);
  await takeCensus(name, runFolder);
  // A suite that was killed leaves a daemon's mounts: no reason to lose what the other suites showed.
  await rm(runFolder, { recursive: true, force: true }).catch((error) =>
    tally.fail(`${name}: ${runFolder}`, error.message),
  );
}

/** docs/fidelity.md is what the suite showed; `npm run fidelity` writes it. */
async function checkFidelity(reportFile) {
  const flags = writesFidelity ? ['--write'] : [];
  await tally.check('docs/fidelity.md says what the run showed', () =>
    output(node, ['test/conformance/fidelity/main.ts', ...flags, reportFile]),
  );
}

async function takeCensus(name, runFolder) {
  const title = `${name}: nothing left behind`;
  if (process.platform !== 'linux') return tally.skip(title, 'the census of processes needs Linux');
  const processes = leftProcesses(runFolder);
  for (const { pid } of processes) process.kill(pid, 'SIGKILL');
  const left = [...processes.map(({ pid, command }) => `process ${pid}: ${command}`), ...(await leftFiles(runFolder))];
  if (left.length === 0) tally.pass(title);
  else tally.fail(title, left.join('\n'));
}

/** Keys and hosts of the user's own fal account must not reach a test, nor settings of their own Windtunnel. */
function withoutFal(env) {
  return Object.fromEntries(Object.entries(env).filter(([key]) => !/^(FAL_|WINDTUNNEL_(?!TEST_))/.test(key)));
}

/** Runs a suite with a limit on its time; resolves with the exit code or signal. */
function spawned(command, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] });
    const limit = setTimeout(() => child.kill('SIGKILL'), SUITE_MINUTES * 60_000);
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(limit);
      resolve(signal ?? code);
    });
  });
}

/** Stdout of a tool; rejects with all it printed. */
function output(command, args) {
  return new Promise((resolve, reject) => {
    const options = { cwd: root, maxBuffer: 64 * 1024 * 1024, env: { ...process.env, NO_COLOR: '1' } };
    const child = execFile(command, args, options, (error, stdout, stderr) => {
      if (error) reject(Object.assign(error, { output: `${stderr}${stdout}`.trim() || error.message }));
      else resolve(stdout);
    });
    child.stdin.end();
  });
}
