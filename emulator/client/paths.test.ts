import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Host, userPaths, workspacePaths } from './paths.ts';
import { findWorkspace } from './workspace.ts';

const host = (env: Record<string, string> = {}, platform: NodeJS.Platform = 'linux'): Host => ({
  env,
  platform,
  home: '/home/ada',
  uid: 1000,
});

test.each([
  [host(), '/home/ada/.local/state/windtunnel'],
  [host({ XDG_STATE_HOME: '/s' }), '/s/windtunnel'],
  [host({ WINDTUNNEL_HOME: '/w', XDG_STATE_HOME: '/s' }), '/w'],
  [host({}, 'darwin'), '/home/ada/Library/Application Support/windtunnel'],
])('root of the user, case %#', (given, root) => {
  expect(userPaths(given).root).toBe(root);
});

test('a socket’s path is short even where the state’s is long, and two roots never share one', () => {
  const long = `/${'deep/'.repeat(40)}`;
  const a = workspacePaths(host({ WINDTUNNEL_HOME: long }), `/${'w/'.repeat(100)}`);
  // sun_path holds 104 bytes on macOS.
  expect(a.socket.length).toBeLessThan(104);
  expect(workspacePaths(host({ XDG_RUNTIME_DIR: long }), '/w').socket).toMatch(/^\/tmp\/windtunnel-1000\//);
  expect(workspacePaths(host({ WINDTUNNEL_HOME: '/other' }), '/w').socket).not.toBe(
    workspacePaths(host(), '/w').socket,
  );
});

test('state is told apart by workspace, and is never inside it', () => {
  const a = workspacePaths(host(), '/w/a');
  expect(a.state).not.toBe(workspacePaths(host(), '/w/b').state);
  expect(a.state.startsWith('/home/ada/')).toBe(true);
});

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'wt-paths-')));
  mkdirSync(join(folder, 'project/sub/deep'), { recursive: true });
  writeFileSync(join(folder, 'project/sub/deep/app.py'), '');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('the workspace is the nearest folder with a mark; the configuration counts before an emulator, that before .git', () => {
  const here = { ...host({ WINDTUNNEL_HOME: join(folder, 'home') }) };
  const app = join(folder, 'project/sub/deep/app.py');
  expect(findWorkspace(here, app)).toBe(dirname(app));
  expect(findWorkspace(here, app, join(folder, 'project'))).toBe(join(folder, 'project'));
  mkdirSync(join(folder, 'project/sub/.git'));
  expect(findWorkspace(here, app, join(folder, 'project'))).toBe(join(folder, 'project/sub'));
  const { registry } = workspacePaths(here, join(folder, 'project'));
  mkdirSync(dirname(registry), { recursive: true });
  writeFileSync(registry, '{}');
  expect(findWorkspace(here, app)).toBe(join(folder, 'project'));
  writeFileSync(join(folder, 'project/sub/windtunnel.jsonc'), '{}');
  expect(findWorkspace(here, app)).toBe(join(folder, 'project/sub'));
});

test('what an import keeps beside its app makes that no workspace of its own; what a user keeps there does', () => {
  const here = { ...host({ WINDTUNNEL_HOME: join(folder, 'home') }) };
  const imported = join(folder, 'project/sub');
  mkdirSync(join(imported, '.windtunnel/import'), { recursive: true });
  mkdirSync(join(folder, 'project/.git'));
  expect(findWorkspace(here, imported)).toBe(join(folder, 'project'));
  mkdirSync(join(imported, '.windtunnel/requests'));
  expect(findWorkspace(here, imported)).toBe(imported);
});

test('a file that is not there is a typed error', () => {
  expect(() => findWorkspace(host(), join(folder, 'none.py'))).toThrow(
    expect.objectContaining({ code: 'E_FILE_UNREADABLE' }),
  );
});
