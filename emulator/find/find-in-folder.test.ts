import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import type { Finder } from './finder.ts';
import { testFinder } from './testing/test-finder.ts';

let finder: Finder;
beforeAll(async () => {
  finder = await testFinder();
});

const APP = 'import fal\nclass A(fal.App): ...\n';

async function tree(files: Record<string, string>, parent = tmpdir()): Promise<string> {
  const root = await mkdtemp(path.join(parent, 'windtunnel-tree-'));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(root, name)), { recursive: true });
    await writeFile(path.join(root, name), text);
  }
  return root;
}

const namesIn = async (root: string) =>
  (await finder.findInFolder(root)).apps.map((app) => path.relative(root, app.file)).sort();

it('reads the folders that hold source, and no others', async () => {
  const root = await tree({
    'app.py': APP,
    'pkg/deep/er/app.py': APP,
    '.git/app.py': APP,
    '.hidden/app.py': APP,
    '.venv/lib/app.py': APP,
    'my-env/pyvenv.cfg': '',
    'my-env/lib/app.py': APP,
    'node_modules/x/app.py': APP,
    'pkg/__pycache__/app.py': APP,
    'notes.txt': APP,
  });
  expect(await namesIn(root)).toEqual(['app.py', 'pkg/deep/er/app.py']);
});

it('honours .gitignore files, the nearest first', async () => {
  const root = await tree({
    '.gitignore': 'generated/\n*_old.py\n',
    'generated/app.py': APP,
    'app_old.py': APP,
    'kept/.gitignore': '!needed_old.py\nlocal.py\n',
    'kept/needed_old.py': APP,
    'kept/local.py': APP,
    'local.py': APP,
  });
  expect(await namesIn(root)).toEqual(['kept/needed_old.py', 'local.py']);
});

it('says when there were more files than it reads', async () => {
  const root = await tree({ 'a.py': APP, 'b.py': APP, 'c/d.py': APP });
  const cut = await finder.findInFolder(root, { maxFiles: 2 });
  expect(cut).toMatchObject({ files: 2, truncated: true });
  expect(cut.apps).toHaveLength(2);
  expect(await finder.findInFolder(root, { maxFiles: 3 })).toMatchObject({ files: 3, truncated: false });
});

it('does not follow links, so a loop ends', async () => {
  const root = await tree({ 'a/app.py': APP });
  await symlink(root, path.join(root, 'a', 'loop'));
  expect(await namesIn(root)).toEqual(['a/app.py']);
});

it('names what it cannot read', async () => {
  // No permission binds root: as root, the search is nobody's, in a folder that nobody can reach.
  const isRoot = process.getuid?.() === 0;
  const root = await tree({ 'app.py': APP, 'shut/app.py': APP }, isRoot ? '/tmp' : tmpdir());
  await chmod(root, 0o755);
  await chmod(path.join(root, 'shut'), 0);
  onTestFinished(() => chmod(path.join(root, 'shut'), 0o700));
  if (isRoot) process.seteuid?.(65534);
  const finding = await finder.findInFolder(root).finally(() => {
    if (isRoot) process.seteuid?.(0);
  });
  expect(finding.apps).toHaveLength(1);
  expect(finding.unreadable).toEqual([expect.stringContaining('shut')]);
});

it('rejects when the folder itself is not there, and when told to stop', async () => {
  await expect(finder.findInFolder('/nowhere/at/all')).rejects.toMatchObject({ code: 'E_FILE_UNREADABLE' });
  const signal = AbortSignal.abort(new Error('enough'));
  await expect(finder.findInFolder(await tree({ 'a.py': APP }), { signal })).rejects.toThrow('enough');
});
