import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { type AppSettings, AppSettingsSchema, type FoundApp } from '../contract/index.ts';
import { planSourceBundle } from './source-bundle.ts';

let root: string;
beforeEach(async () => {
  root = await realpath(await mkdtemp(path.join(tmpdir(), 'wtb-')));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function files(...names: string[]): Promise<void> {
  for (const name of names) {
    await mkdir(path.dirname(path.join(root, name)), { recursive: true });
    await writeFile(path.join(root, name), name);
  }
}

async function plan(file: string, settings: Partial<AppSettings> = {}) {
  const found: FoundApp = {
    file,
    symbol: 'App',
    kind: 'app',
    name: 'app',
    lines: { start: 1, end: 1 },
    endpoints: [],
    settings: { ...z.parse(AppSettingsSchema, {}), ...settings },
    unresolved: [],
  };
  return planSourceBundle(path.join(root, file), found);
}

it('takes the file, and guards its folder up to the top of the project', async () => {
  await files('pyproject.toml', 'apps/app.py');
  const { bundle, warnings } = await plan('apps/app.py', { localPythonModules: ['utils'] });
  expect(bundle).toEqual({
    root: path.join(root, 'apps'),
    main: path.join(root, 'apps/app.py'),
    modules: ['utils'],
    files: [],
    guarded: [path.join(root, 'apps'), root],
    cwd: '',
  });
  expect(warnings).toEqual([]);
});

it('takes the outermost package of a file inside one', async () => {
  await files('pyproject.toml', 'pkg/__init__.py', 'pkg/sub/__init__.py', 'pkg/sub/app.py');
  const { bundle } = await plan('pkg/sub/app.py');
  expect([bundle.root, bundle.modules, bundle.guarded]).toEqual([root, ['pkg'], [root]]);
});

it('takes app_files as the SDK does: folders walked, the default patterns left out, what is missing told', async () => {
  await files('app.py', 'w/a.bin', 'w/__pycache__/a.pyc', 'w/.git/config', 'w/deep/b.txt', 'one.txt');
  const { bundle, warnings } = await plan('app.py', { appFiles: ['w', './one.txt', 'gone.txt'] });
  expect(bundle.files.map((file) => file.to).sort()).toEqual(['one.txt', 'w/a.bin', 'w/deep/b.txt']);
  expect(bundle.files.find((file) => file.to === 'one.txt')?.from).toBe(path.join(root, 'one.txt'));
  expect(warnings).toEqual([`app_files: ${root}/gone.txt was not found; the deploy would skip it.`]);
});

it('leaves out what app_files_ignore finds, and says which pattern it cannot read', async () => {
  await files('app.py', 'w/a.bin', 'w/b.txt');
  const { bundle, warnings } = await plan('app.py', { appFiles: ['w'], appFilesIgnore: ['\\.bin$', '(?P<x>y)(?P=x)'] });
  expect(bundle.files.map((file) => file.to)).toEqual(['w/b.txt']);
  expect(warnings[0]).toContain('(?P<x>y)');
});

it('counts app_files from app_files_context_dir, and starts the app in its own folder below', async () => {
  await files('apps/one/app.py', 'shared/x.txt');
  const { bundle } = await plan('apps/one/app.py', { appFiles: ['shared'], appFilesContextDir: '../..' });
  expect([bundle.files.map((file) => file.to), bundle.cwd]).toEqual([['shared/x.txt'], 'apps/one']);
});

it('says that a link out of the context would be refused', async () => {
  await files('app/app.py', 'app/w/a.txt', 'elsewhere.txt');
  await symlink(path.join(root, 'elsewhere.txt'), path.join(root, 'app/w/link.txt'));
  const { bundle, warnings } = await plan('app/app.py', { appFiles: ['w'] });
  expect(bundle.files.map((file) => file.to)).toEqual(['w/a.txt']);
  expect(warnings[0]).toContain('the deploy would refuse it');
});
