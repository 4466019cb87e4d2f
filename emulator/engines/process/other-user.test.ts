import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { requires } from '../../../test/support/skip.ts';
import { FIXTURES, sourcePayload, TestBed } from './testing.ts';

// In a folder that everybody may enter: what keeps the other user out must be the engine's own doing.
let open: string;
let bed: TestBed;
beforeAll(async () => {
  open = await mkdtemp('/tmp/wtu-');
  await chmod(open, 0o755);
  bed = await TestBed.make({ runtimeDir: path.join(open, 'run') });
});
afterAll(async () => {
  await bed.dispose();
  await rm(open, { recursive: true, force: true });
});

const CONNECT = `
import os, socket, sys
os.setgid(65534)
os.setuid(65534)
for path in sys.argv[1:]:
    try:
        socket.socket(socket.AF_UNIX).connect(path)
        print("connected")
    except OSError as error:
        print(type(error).__name__)
`;

it('no socket of a runner can be reached by another user of the machine', async (context) => {
  await requires('linux', 'root')(context);
  const runner = await bed.start(bed.spec(sourcePayload(path.join(FIXTURES, 'behaviors.py'), 'Behaviors')));
  await runner.handle.ready;
  const names = await readdir(path.join(open, 'run'), { recursive: true });
  const sockets = names.filter((name) => name.endsWith('.sock')).map((name) => path.join(open, 'run', name));
  expect(sockets.map((socket) => path.basename(socket)).sort()).toEqual(['app.sock', 'metrics.sock', 'out.sock']);
  const decoy = path.join(open, 'decoy.sock');
  const server = createServer((stream) => stream.destroy()).listen(decoy);
  await new Promise((resolve) => server.once('listening', resolve));
  await chmod(decoy, 0o777);
  const { stdout, stderr } = spawnSync(bed.python, ['-c', CONNECT, decoy, ...sockets], { encoding: 'utf8' });
  server.close();
  expect([stdout.trim().split('\n'), stderr]).toEqual([['connected', ...sockets.map(() => 'PermissionError')], '']);
  await runner.handle.stop(1);
});
