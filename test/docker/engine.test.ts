import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CliSession } from '../support/cli-session.ts';
import { TestDaemon } from '../support/docker/test-daemon.ts';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { testPython } from '../support/python.ts';
import { has, requires } from '../support/skip.ts';
import { Calls, exitBy, until } from './calls.ts';

const STAND_IN = path.resolve(import.meta.dirname, '../support/docker/gpu-stand-in');
const OCR = path.resolve(import.meta.dirname, '../../examples/ocr');

let daemon: TestDaemon;
let emulator: EmulatorUnderTest;
let probe: Calls;

beforeAll(async () => {
  if (!(await has('dockerd'))) return;
  daemon = await TestDaemon.start({ path: [STAND_IN] });
  emulator = await EmulatorUnderTest.start([path.join(import.meta.dirname, 'apps'), OCR], {
    ...daemon.env,
    PATH: [path.dirname(await testPython()), STAND_IN, process.env.PATH].join(path.delimiter),
  });
  await emulator.run('apps/probe.py', { engine: 'docker' });
  probe = new Calls(emulator, 'local/probe');
}, 600_000);

afterAll(async () => {
  await emulator?.dispose();
  await daemon?.dispose();
}, 120_000);

beforeEach(requires('dockerd'));

interface Inspected {
  Config: { Labels: Record<string, string>; Image: string };
  HostConfig: Record<string, unknown> & { DeviceRequests: { DeviceIDs: string[] }[] | null };
  NetworkSettings: { Ports: object };
}

const containerOf = async (app: string): Promise<Inspected> => {
  const [id = ''] = (await daemon.docker('ps', '-q', '--filter', `label=windtunnel.app=${app}`)).split('\n');
  return (await daemon.inspect(id)) as unknown as Inspected;
};

describe('a container', () => {
  test('has the limits of its machine type, no port, no log on disk, and no right that it does not need', async () => {
    const { HostConfig, Config, NetworkSettings } = await containerOf('local/probe');
    expect(HostConfig).toMatchObject({
      Memory: 512_000_000,
      MemorySwap: 512_000_000,
      NanoCpus: 500_000_000,
      PidsLimit: 4096,
      CapDrop: ['ALL'],
      CapAdd: null,
      SecurityOpt: ['no-new-privileges'],
      Privileged: false,
      AutoRemove: false,
      LogConfig: { Type: 'none' },
      PortBindings: {},
      DeviceRequests: null,
      NetworkMode: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(NetworkSettings.Ports).toEqual({});
    expect(Config.Labels).toMatchObject({ 'windtunnel.app': 'local/probe', 'windtunnel.runner': expect.any(String) });
  });

  test('shows its app a read-only source at its own path, /data, and no Docker', async () => {
    const { body } = await probe.direct('');
    expect(body).toMatchObject({
      cwd: '/app',
      capabilities: '0000000000000000',
      no_new_privileges: '1',
      source_written: false,
      docker_socket: false,
      file: path.join(emulator.workspace, 'apps/probe.py'),
      visible: 'void',
      devices: [],
    });
    expect(readFileSync(probe.gate('probe.txt'), 'utf8')).toBe('from the container');
  });

  test('tells what its start was spent on, in the story of the request that waited for it', async () => {
    const [app] = (await emulator.client.status()).apps;
    for (const { id } of app?.runners ?? []) await emulator.client.stopRunner(id, 0);
    const request = await probe.submit('');
    expect((await probe.result(request)).status).toBe(200);
    const { stdout } = await emulator.cli('logs', request);
    expect(stdout).toMatch(/cold start .*image [\d.]+ m?s, boot [\d.]+ m?s, import [\d.]+ m?s, setup [\d.]+ m?s/);
  }, 120_000);

  test('of changed code starts from the same image', async () => {
    const before = await containerOf('local/probe');
    const file = path.join(emulator.workspace, 'apps/probe.py');
    writeFileSync(file, `${readFileSync(file, 'utf8')}\n# changed\n`);
    await emulator.client.restart('local/probe');
    expect((await containerOf('local/probe')).Config.Image).toBe(before.Config.Image);
    expect((await daemon.docker('images', '-q', 'windtunnel/app')).split('\n')).toHaveLength(1);
  });
});

describe('an end that nobody asked for', () => {
  test('the app itself out of memory: the runner ends with E_RUNNER_MEMORY', async () => {
    expect((await probe.direct('/eat')).status).toBeGreaterThanOrEqual(500);
    expect(await exitBy(emulator, 'memory')).toMatchObject({ error: { code: 'E_RUNNER_MEMORY' } });
    expect((await probe.direct('')).status).toBe(200);
  }, 120_000);

  test('a child out of memory: the app lives on, and a line says what happened', async () => {
    const id = await probe.submit('/feed-child');
    expect((await probe.result(id)).body).toEqual({ child: -9 });
    await until(async () => {
      const { stdout } = await emulator.cli('logs', 'local/probe');
      return /the kernel killed a process of this runner, for its machine type has 0\.5 GiB/.test(stdout);
    }, 'the line about the killed child');
  }, 120_000);

  test('a crash: its exit code is told, and the next request has a new runner', async () => {
    expect((await probe.direct('/crash')).status).toBeGreaterThanOrEqual(500);
    expect(await exitBy(emulator, 'crashed')).toMatchObject({ code: 7, error: { code: 'E_RUNNER_EXITED' } });
    expect((await probe.direct('')).status).toBe(200);
  }, 120_000);

  test('an app that ignores SIGTERM is killed after its grace', async () => {
    expect((await probe.direct('/deaf')).status).toBe(200);
    const [before = ''] = await daemon.containers();
    await emulator.client.restart('local/probe');
    await until(async () => !(await daemon.containers()).includes(before), 'the deaf container to go');
    expect((await probe.direct('')).status).toBe(200);
  }, 120_000);

  test('the image was removed: it is built anew', async () => {
    const { Config } = await containerOf('local/probe');
    await daemon.docker('rmi', '-f', Config.Image);
    await emulator.client.restart('local/probe');
    expect((await probe.direct('')).status).toBe(200);
    expect((await containerOf('local/probe')).Config.Image).toBe(Config.Image);
  }, 180_000);
});

describe('GPUs, with a stand-in for the NVIDIA hook and two stand-in cards', () => {
  test('two runners never share a device; a third waits until one is free', async () => {
    const file = path.join(emulator.workspace, 'apps/gpu.py');
    const text = readFileSync(path.join(import.meta.dirname, 'apps/probe.py'), 'utf8');
    writeFileSync(file, text.replace('name="probe"', 'name="gpu"').replace('"XS"', '"GPU-H100"'));
    await emulator.register('apps/gpu.py', { engine: 'docker' });
    const gpu = new Calls(emulator, 'local/gpu');
    const ids = await Promise.all(['g1', 'g2', 'g3'].map((name) => gpu.submit('/wait', { name })));
    await until(
      async () => ['g1', 'g2', 'g3'].filter((name) => existsSync(gpu.gate(`${name}.begun`))).length === 2,
      'two requests to run',
    );
    const running = (await daemon.docker('ps', '-q', '--filter', 'label=windtunnel.app=local/gpu')).split('\n');
    const devices = await Promise.all(
      running.map(async (id) => {
        const { HostConfig } = (await daemon.inspect(id)) as unknown as Inspected;
        return HostConfig.DeviceRequests?.flatMap(({ DeviceIDs }) => DeviceIDs);
      }),
    );
    expect(devices.flat().sort()).toEqual(['GPU-stand-in-0', 'GPU-stand-in-1']);
    for (const name of ['g1', 'g2', 'g3']) writeFileSync(gpu.gate(`${name}.go`), '');
    const visible = (await Promise.all(ids.map((id) => gpu.result(id)))).map(({ body }) => body.visible);
    expect(new Set(visible)).toEqual(new Set(['GPU-stand-in-0', 'GPU-stand-in-1']));
    const { body } = await gpu.direct('');
    expect(body.devices).toHaveLength(1);
    await emulator.client.remove('local/gpu');
  }, 240_000);
});

test('`run examples/ocr/app.py --engine docker` reads its sample picture, by fal_client under exec', async () => {
  const run = CliSession.start(emulator, 'run', 'ocr/app.py', '--engine', 'docker', '--no-watch');
  await run.printed(/ready in/, 240);
  const { stdout, stderr, code } = await emulator.exec(await testPython(), [
    path.join(OCR, 'client.py'),
    path.join(OCR, 'receipt.png'),
  ]);
  expect(code, stderr).toBe(0);
  expect(stdout).toContain('Blueberry muffin');
  // fal publishes no size for a GPU machine: the limits are this machine's own.
  const [memory = 0, cpus = 0] = (await daemon.docker('info', '--format', '{{.MemTotal}} {{.NCPU}}'))
    .split(' ')
    .map(Number);
  const container = (await daemon.docker('ps', '-q', '--filter', 'label=windtunnel.app=local/ocr')).trim();
  expect((await daemon.inspect(container)) as unknown as Inspected).toMatchObject({
    HostConfig: {
      Memory: memory,
      NanoCpus: cpus * 1e9,
      DeviceRequests: [{ Driver: 'nvidia', DeviceIDs: [expect.stringMatching(/^GPU-stand-in-\d$/)] }],
    },
  });
  // What the hook's request comes to in the container; `docker inspect` shows none of it.
  const environment = await daemon.docker('exec', container, 'sh', '-c', "tr '\\0' '\\n' < /proc/1/environ");
  expect(environment).toMatch(/^NVIDIA_VISIBLE_DEVICES=GPU-stand-in-\d$/m);
  run.signal('SIGINT');
  expect(await run.ended()).toBe(0);
}, 400_000);

test('a killed emulator takes its containers along, and the next one removes what is left of them', async () => {
  await emulator.kill();
  await until(async () => (await daemon.docker('ps', '-q')) === '', 'the containers to end', 30);
  await emulator.boot();
  await until(async () => (await daemon.containers()).length === 0, 'the sweep', 30);
  const networks = () => daemon.docker('network', 'ls', '-q', '--filter', 'label=windtunnel.workspace');
  await until(async () => (await networks()) === '', 'the sweep of networks', 30);
}, 120_000);

test('the app of `windtunnel new container` builds its image, answers its example and passes its own tests', async () => {
  const made = await emulator.cli('new', 'container', 'judge', '--json');
  expect(made, made.stderr).toMatchObject({ code: 0 });
  const { folder } = JSON.parse(made.stdout) as { folder: string };
  const id = await emulator.run('judge/app.py', { engine: 'docker' });
  const call = await emulator.cli('call', id, '--input', `@${path.join(folder, 'input.json')}`);
  expect(JSON.parse(call.stdout)).toEqual({ score: 2 });
  const tests = await emulator.exec('python', ['-c', 'import test_app; test_app.test_kind_and_unkind_words()'], {
    PYTHONPATH: folder,
  });
  expect(tests.code, tests.stderr).toBe(0);
});
