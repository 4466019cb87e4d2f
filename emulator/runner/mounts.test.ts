import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { testPython } from '../../test/support/python.ts';
import { requires } from '../../test/support/skip.ts';

// Stands in for systems that let a process into a user namespace and then refuse it everything (Ubuntu from 23.10, by
// AppArmor): without /proc the namespace cannot be given its users.
const PROGRAM = `
import ctypes, os, sys, types
package = types.ModuleType("_windtunnel")
package.__path__ = [sys.argv[1]]
sys.modules["_windtunnel"] = package
from _windtunnel import mounts
mounts._call("unshare", mounts.CLONE_NEWNS)
mounts._mount(None, "/", None, mounts.MS_REC | mounts.MS_SLAVE)
mounts._mount("tmpfs", "/proc", "tmpfs", 0)
os.setresuid(1234, 1234, 1234)
try:
    mounts.map_folders({"/data": "/tmp"}, sys.argv[2])
except OSError as error:
    print("refused", os.getuid())
`;

test('where a namespace can be entered but not used the runner stays outside, under its own user', async (context) => {
  await requires('linux', 'root', 'mountNamespace')(context);
  const scratch = await mkdtemp(path.join(tmpdir(), 'wt-mounts-'));
  try {
    const args = ['-I', '-S', '-c', PROGRAM, import.meta.dirname, scratch];
    const { stdout } = await promisify(execFile)(await testPython(), args);
    expect(stdout).toBe('refused 1234\n');
  } finally {
    await rm(scratch, { recursive: true });
  }
});
