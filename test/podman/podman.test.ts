import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Calls, exitBy, until } from '../docker/calls.ts';
import { TestDaemon } from '../support/docker/test-daemon.ts';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { testPython } from '../support/python.ts';
import { has, requires } from '../support/skip.ts';

const STAND_IN = path.resolve(import.meta.dirname, '../support/docker/gpu-stand-in');

let podman: TestDaemon;
let emulator: EmulatorUnderTest;
let probe: Calls;

beforeAll(async () => {
  if (!(await has('dockerd')) || !(await has('podman'))) return;
  podman = await TestDaemon.start({ podman: true });
  emulator = await EmulatorUnderTest.start([path.join(import.meta.dirname, '../docker/apps')], {
    ...podman.env,
    PATH: [path.dirname(await testPython()), STAND_IN, process.env.PATH].join(path.delimiter),
  });
  await emulator.run('apps/probe.py', { engine: 'docker' });
  probe = new Calls(emulator, 'local/probe');
}, 600_000);

afterAll(async () => {
  await emulator?.dispose();
  await podman?.dispose();
}, 120_000);

beforeEach(requires('dockerd', 'podman'));

test('an app answers in a container of Podman, with the limits of its machine type and no right that it does not need', async () => {
  const id = await probe.submit('');
  expect(await probe.result(id)).toMatchObject({
    status: 200,
    body: {
      cwd: '/app',
      capabilities: '0000000000000000',
      no_new_privileges: '1',
      source_written: false,
      docker_socket: false,
      devices: [],
    },
  });
  const [container = ''] = await podman.containers();
  expect((await podman.inspect(container)) as unknown).toMatchObject({
    HostConfig: { Memory: 512_000_000, PidsLimit: 4096, Privileged: false, AutoRemove: false },
  });
  const { stdout } = await emulator.cli('doctor', '--json');
  expect(stdout).toContain('odman');
});

test('out of memory and a crash are told apart, and the next request has a new runner', async () => {
  expect((await probe.direct('/eat')).status).toBeGreaterThanOrEqual(500);
  expect(await exitBy(emulator, 'memory')).toMatchObject({ error: { code: 'E_RUNNER_MEMORY' } });
  expect((await probe.direct('')).status).toBe(200);
  expect((await probe.direct('/crash')).status).toBeGreaterThanOrEqual(500);
  expect(await exitBy(emulator, 'crashed')).toMatchObject({ code: 7, error: { code: 'E_RUNNER_EXITED' } });
  expect((await probe.direct('')).status).toBe(200);
}, 180_000);

test('a ContainerImage is built with its argument, its secret and what it copies; the file with the secret is not in the image', async () => {
  const id = await emulator.run('apps/boxed.py', { engine: 'docker', symbol: 'Boxed' });
  expect(await new Calls(emulator, id).direct('')).toMatchObject({
    status: 200,
    body: { flavour: 'mint', label: 'this side up', humanized: '12,345' },
  });
  const [container = ''] = (await podman.docker('ps', '-q', '--filter', `label=windtunnel.app=${id}`)).split('\n');
  const found = await podman.docker('exec', container, 'find', '/', '-xdev', '-name', '.windtunnel-secret*');
  expect(found).toBe('');
  await emulator.client.remove(id);
}, 240_000);

test('a step that fails is told in its own words', async () => {
  const started = await emulator.cli('run', 'apps/boxed.py::Stuck', '--engine', 'docker', '--no-watch');
  expect(started.code).not.toBe(0);
  expect(`${started.stdout}${started.stderr}`).toContain('the lid is stuck');
}, 120_000);

test('beside a stand-in card: a GPU is refused, for this Podman would drop the request', async () => {
  const file = path.join(emulator.workspace, 'apps/gpu.py');
  const text = readFileSync(path.join(import.meta.dirname, '../docker/apps/probe.py'), 'utf8');
  writeFileSync(file, text.replace('name="probe"', 'name="gpu"').replace('"XS"', '"GPU-H100"'));
  const started = await emulator.cli('run', 'apps/gpu.py', '--engine', 'docker', '--no-watch');
  expect(started.code).not.toBe(0);
  expect(`${started.stdout}${started.stderr}`).toMatch(/Podman [\d.]+ drops requests for GPUs silently/);
}, 120_000);

test('after `down` no container and no network is left', async () => {
  await emulator.cli('down');
  await until(async () => (await podman.containers()).length === 0, 'the containers to go');
  expect(await podman.docker('network', 'ls', '-q', '--filter', 'label=windtunnel.workspace')).toBe('');
});
