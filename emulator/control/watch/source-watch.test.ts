import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { FakeClock } from '../../core/fake-clock.ts';
import { ignoreRules } from './ignore-rules.ts';
import { DEBOUNCE_MS, LOOP_LIMIT, SourceWatch } from './source-watch.ts';
import type { WatchTarget } from './watch-target.ts';

let folder: string;
let clock: FakeClock;
let reasons: string[];
let notices: string[];
let watch: SourceWatch;
let targets: WatchTarget[];

const write = (name: string, text: string) => writeFileSync(join(folder, name), text);

beforeEach(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'wt-watch-')));
  for (const name of ['pkg', 'pkg/__pycache__', 'pkg/outputs']) mkdirSync(join(folder, name));
  write('app.py', 'a = 1\n');
  write('pkg/mod.py', 'm = 1\n');
  clock = new FakeClock();
  reasons = [];
  notices = [];
  targets = [
    { path: join(folder, 'app.py'), rule: 'source of the app', kind: 'source' },
    { path: join(folder, 'pkg'), rule: 'module of the app', kind: 'source' },
    { path: join(folder, '.env'), rule: 'environment file', kind: 'input' },
  ];
  watch = new SourceWatch({
    workspace: folder,
    clock,
    ignored: ignoreRules(folder, [join(folder, 'state')], ['*.csv']),
    targets: () => targets,
    changed: async (reason) => void reasons.push(reason),
    notice: (message) => notices.push(message),
  });
  await watch.ready;
});

afterEach(async () => {
  await watch.dispose();
  rmSync(folder, { recursive: true, force: true });
});

/** Waits for the file system's word (real time), then lets the debounce pass (fake time). */
async function settled(): Promise<void> {
  await vi.waitFor(() => expect(clock.pending).toBeGreaterThan(0), { timeout: 60_000, interval: 10 });
  await clock.advanceAsync(DEBOUNCE_MS);
}

test('a save is told with file and rule', async () => {
  write('app.py', 'a = 2\n');
  await settled();
  expect(reasons).toEqual(['app.py changed (source of the app)']);
});

test('an editor that replaces the file is seen as well', async () => {
  write('app.py.new', 'a = 3\n');
  renameSync(join(folder, 'app.py.new'), join(folder, 'app.py'));
  await settled();
  expect(reasons).toEqual(['app.py changed (source of the app)']);
});

test('a new file in a module, and an environment file that was not there', async () => {
  write('pkg/new.py', 'x = 1\n');
  await settled();
  write('.env', 'A=1\n');
  await settled();
  expect(reasons).toEqual(['pkg/new.py changed (module of the app)', '.env changed (environment file)']);
});

test('saving the same content again reloads nothing', async () => {
  write('app.py', 'a = 1\n');
  utimesSync(join(folder, 'app.py'), 1, 1);
  await settled();
  expect(reasons).toEqual([]);
});

test('caches, logs, outputs and ignored globs never come through, whatever is written next to them', async () => {
  for (const name of [
    'pkg/__pycache__/mod.pyc',
    'pkg/run.log',
    'pkg/outputs/o.png',
    'pkg/table.csv',
    'pkg/.mod.py.swp',
  ]) {
    write(name, 'x');
  }
  write('other.py', 'not part of the app');
  // The watcher reports in order: once this is through, the others would have been.
  write('pkg/mod.py', 'm = 2\n');
  await settled();
  expect(reasons).toEqual(['pkg/mod.py changed (module of the app)']);
});

test('a file that the app writes itself is dropped after a few rounds, and that is said', async () => {
  for (let i = 0; i <= LOOP_LIMIT; i++) {
    write('pkg/mod.py', `m = "${i}"\n`);
    await settled();
    // chokidar tells a file's changes at most once in 50 ms of real time.
    await systemClock.sleep(60);
  }
  expect(reasons).toHaveLength(LOOP_LIMIT);
  expect(notices).toEqual([expect.stringContaining('pkg/mod.py changed 6 times in 15 s')]);
});

test.each([
  ['pkg/__pycache__/a.py', 'python cache'],
  ['.venv/lib/a.py', 'virtual environment'],
  ['app.log', 'logs'],
  ['state/db', "Windtunnel's own files"],
  ['data.csv', 'watch.ignore'],
  ['app.py', null],
  ['log.py', null],
])('%s is ignored by: %s', (name, rule) => {
  const ignored = ignoreRules('/w', ['/w/state'], ['*.csv']);
  expect(ignored(join('/w', name))).toBe(rule);
});

test('a workspace that lies in a folder named like an output is watched all the same', () => {
  expect(ignoreRules('/home/outputs/w', [])('/home/outputs/w/app.py')).toBeNull();
});
