import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { cliFile } from '../../test/support/emulator.ts';
import { workspacePaths } from '../client/paths.ts';

test('up --foreground that is told to stop while it still starts does so', async () => {
  const base = realpathSync(mkdtempSync(join(tmpdir(), 'wt-up-')));
  try {
    for (const name of ['run', 'home', 'ws']) mkdirSync(join(base, name));
    const env = { XDG_RUNTIME_DIR: join(base, 'run'), WINDTUNNEL_HOME: join(base, 'home'), PATH: process.env.PATH };
    const paths = workspacePaths({ env, platform: process.platform, home: base, uid: 0 }, join(base, 'ws'));
    const args = ['up', '--foreground', '--port', '0', '--workspace', paths.workspace];
    // A busy machine may look at the lock when the start is over already: then that round shows nothing.
    for (let starting = false; !starting; ) {
      const child = spawn(process.execPath, [cliFile, ...args], { env, stdio: 'ignore' });
      const ended = once(child, 'exit');
      try {
        await vi.waitFor(() => expect(existsSync(paths.lock)).toBe(true), { interval: 1, timeout: 60_000 });
        starting = !existsSync(paths.registry);
        child.kill('SIGTERM');
        expect(await ended).toEqual([0, null]);
        expect(existsSync(paths.lock)).toBe(false);
      } finally {
        child.kill('SIGKILL');
      }
    }
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
});
