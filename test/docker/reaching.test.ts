import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { WindtunnelError } from '../../emulator/contract/index.ts';
import { systemClock } from '../../emulator/core/clock.ts';
import { findDaemon } from '../../emulator/engines/docker/find-daemon.ts';
import { findAsNobody } from '../support/docker/find-as-nobody.ts';
import { TestDaemon } from '../support/docker/test-daemon.ts';
import { has, requires } from '../support/skip.ts';

let daemon: TestDaemon;
let home: string;

beforeAll(async () => {
  if (!(await has('dockerd'))) return;
  daemon = await TestDaemon.start({ base: false });
  home = mkdtempSync(path.join(tmpdir(), 'wt-reach-'));
}, 120_000);

afterAll(async () => {
  await daemon?.dispose();
  if (home) rmSync(home, { recursive: true });
}, 120_000);

beforeEach(requires('dockerd'));

const search = (env: NodeJS.ProcessEnv) => findDaemon({ env, home, uid: 0, clock: systemClock, cli: null });
const refusal = (env: NodeJS.ProcessEnv): Promise<WindtunnelError> =>
  search(env).then(
    ({ candidate }) => {
      throw new Error(`it found a daemon: ${candidate.url}`);
    },
    (error: WindtunnelError) => error,
  );
const docker = (...args: string[]) =>
  promisify(execFile)('docker', args, { env: { PATH: process.env.PATH, HOME: home } });

test('contexts that the docker command made: the right one is used, the wrong one named with the way back', async () => {
  await docker('context', 'create', 'right', '--docker', `host=unix://${daemon.socket}`);
  await docker('context', 'create', 'wrong', '--docker', `host=unix://${home}/none.sock`);
  await docker('context', 'use', 'right');
  const found = await search({});
  expect([found.candidate.source, found.facts.kind]).toEqual(['context right', 'docker']);
  await docker('context', 'use', 'wrong');
  expect(await refusal({})).toMatchObject({
    code: 'E_DOCKER_CONTEXT',
    message: `Docker is not reached by context wrong (unix://${home}/none.sock): there is no such socket.`,
    hint: expect.stringContaining('docker context use default'),
  });
  await docker('context', 'use', 'default');
});

test('a socket of another group: the user, the group and the fix', async () => {
  // Whoever asks may come as far as the socket.
  chmodSync(daemon.folder, 0o711);
  chmodSync(daemon.socket, 0o660);
  expect(await findAsNobody(daemon.env)).toMatchObject({
    code: 'E_DOCKER_PERMISSION',
    message: `The Docker daemon at unix://${daemon.socket} may not be used by this user (uid 65534).`,
    hint: expect.stringContaining('usermod -aG docker'),
    detail: `DOCKER_HOST: unix://${daemon.socket}: permission denied`,
  });
});

test('a daemon that was killed: its socket is there, and the places that were tried are told', async (context) => {
  await requires('noDaemon')(context);
  symlinkSync(daemon.socket, path.join(home, 'docker.sock'));
  const env = { XDG_RUNTIME_DIR: home };
  expect((await search(env)).candidate.source).toBe('rootless');
  await daemon.kill();
  expect(await refusal(env)).toMatchObject({
    code: 'E_DOCKER_DOWN',
    message: expect.stringContaining('the socket is there, and no daemon listens on it'),
    hint: expect.stringContaining('systemctl start docker'),
    detail: expect.stringMatching(
      /default socket: unix:\/\/\/var\/run\/docker\.sock: there is no such socket\nrootless: /,
    ),
  });
  expect(await refusal(daemon.env)).toMatchObject({
    code: 'E_DOCKER_CONTEXT',
    hint: expect.stringContaining('unset DOCKER_HOST'),
  });
});
