import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { workspacePaths } from '../client/paths.ts';
import { startEmulator } from './compose.ts';
import { runnerParentEnv } from './runner-environment.ts';
import { testFaults } from './test-faults.ts';

test('native Windows is refused with a pointer to WSL', async () => {
  const host = { env: {}, platform: 'win32', home: '/', uid: 0 } as const;
  const started = startEmulator({ host, workspace: '/', port: null, note: () => undefined });
  await expect(started).rejects.toMatchObject({ code: 'E_PLATFORM', hint: 'Run it in WSL 2.' });
});

test('a runner gets what makes a process at home here, and nothing else of the shell', () => {
  const shell = {
    PATH: '/bin',
    LC_ALL: 'C',
    https_proxy: 'http://corp:1',
    FAL_KEY: 'real',
    AWS_SECRET_ACCESS_KEY: 'x',
    PYTHONPATH: '/elsewhere',
  };
  expect(runnerParentEnv(shell)).toEqual({ PATH: '/bin', LC_ALL: 'C', https_proxy: 'http://corp:1' });
});

test('faults are armed only where a suite asks for them, and a slip in asking is told', () => {
  expect(testFaults({ WINDTUNNEL_TEST_SABOTAGE: 'sync-off' })).toEqual({
    failpoints: { hit: expect.any(Function), rules: null },
  });
  const rules = [{ name: 'store.before-commit', hit: 1, action: 'throw' }];
  const armed = testFaults({ WINDTUNNEL_TEST_FAILPOINTS: JSON.stringify(rules), WINDTUNNEL_TEST_SABOTAGE: 'sync-off' });
  expect(armed).toMatchObject({ failpoints: { rules }, sabotage: 'sync-off' });
  expect(() => testFaults({ WINDTUNNEL_TEST_FAILPOINTS: '[{"name": "nowhere"}]' })).toThrow(
    expect.objectContaining({ code: 'E_USAGE' }),
  );
});

test('what another user left in the folder for sockets is not believed: no record of theirs removes a folder', async () => {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'wt-runtime-')));
  try {
    const folder = (name: string) => {
      mkdirSync(join(base, name), { recursive: true });
      return join(base, name);
    };
    const precious = folder('precious');
    symlinkSync(folder('theirs'), join(folder('run'), 'windtunnel'));
    const env = { XDG_RUNTIME_DIR: join(base, 'run'), WINDTUNNEL_HOME: join(base, 'home') };
    const host = { env, platform: process.platform, home: base, uid: process.getuid?.() ?? 0 };
    const workspace = folder('workspace');
    const records = join(workspacePaths(host, workspace).runners, 'runners');
    mkdirSync(records, { recursive: true });
    const nobody = { pid: 2 ** 22 + 1, start: '1' };
    const record = { id: 'r', app: 'local/x', dir: precious, emulator: nobody, agent: nobody };
    writeFileSync(join(records, 'r.json'), JSON.stringify(record));
    const started = startEmulator({ host, workspace, port: 0, note: () => undefined });
    await expect(started).rejects.toThrow('is not yours alone');
    expect(await readdir(base)).toContain('precious');
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
});
