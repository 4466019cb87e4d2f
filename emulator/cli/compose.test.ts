import { expect, test } from 'vitest';
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
