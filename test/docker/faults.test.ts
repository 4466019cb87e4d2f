import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { TestDaemon } from '../support/docker/test-daemon.ts';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { testPython } from '../support/python.ts';
import { has, requires } from '../support/skip.ts';
import { Calls, until } from './calls.ts';

/** How long a hanging step sleeps (s): also the mark by which it is found among all processes. */
const NAP = 100_000 + randomInt(100_000);

const APPS = path.join(import.meta.dirname, 'apps');
const STAND_IN = path.resolve(import.meta.dirname, '../support/docker/gpu-stand-in');

let daemon: TestDaemon;
let emulator: EmulatorUnderTest;
let probe: Calls;

beforeAll(async () => {
  if (!(await has('dockerd'))) return;
  daemon = await TestDaemon.start();
  // The machine has stand-in cards, and its daemon no NVIDIA toolkit.
  emulator = await EmulatorUnderTest.start([APPS], {
    ...daemon.env,
    PATH: [path.dirname(await testPython()), STAND_IN, process.env.PATH].join(path.delimiter),
  });
  await emulator.run('apps/probe.py', { engine: 'docker' });
  probe = new Calls(emulator, 'local/probe');
}, 600_000);

afterAll(async () => {
  try {
    await emulator?.dispose();
    if (daemon) expect([await daemon.containers(), await networks()]).toEqual([[], '']);
  } finally {
    await daemon?.dispose();
  }
}, 120_000);

beforeEach(requires('dockerd'));

// Whatever happened: a container for each runner that lives, and no step of a build.
afterEach(async () => {
  if (!daemon) return;
  let seen: object = {};
  const clean = async () => {
    const { apps } = await emulator.client.status();
    const living = apps.flatMap(({ runners }) => runners.map(({ id }) => id)).sort();
    const format = '{{.Label "windtunnel.runner"}}';
    const there = (await daemon.docker('ps', '-a', '--format', format)).split('\n').filter(Boolean).sort();
    seen = { living, there, steps: await stepsRunning() };
    return JSON.stringify(living) === JSON.stringify(there) && (await stepsRunning()) === 0;
  };
  await until(clean, 'the census to be clean', 60).catch((error: unknown) => {
    throw new Error(`${String(error)} ${JSON.stringify(seen)}`);
  });
}, 90_000);

const networks = () => daemon.docker('network', 'ls', '-q', '--filter', 'label=windtunnel.workspace');

/** An app whose image is built from this Dockerfile; its file in the workspace. */
function contained(name: string, dockerfile: string, more = '', workspace = emulator.workspace): string {
  const folder = path.join(workspace, name);
  mkdirSync(folder, { recursive: true });
  const text = `import fal
from fal.container import ContainerImage

class App(fal.App, name="${name}"):
    machine_type = "XS"
    image = ContainerImage.from_dockerfile_str(${JSON.stringify(dockerfile)}${more})

    @fal.endpoint("/")
    def run(self) -> dict:
        return {}
`;
  writeFileSync(path.join(folder, 'app.py'), text);
  return `${name}/app.py`;
}

/** Registers it, and takes it away again once its start has failed with this. */
async function failure(file: string, on = emulator): Promise<unknown> {
  const app = await on.register(file, { engine: 'docker' });
  const error = await on.client.start(app).then(
    () => `${app} started`,
    (error: unknown) => error,
  );
  await on.client.remove(app);
  return error;
}

/** Steps of builds that sleep. */
async function stepsRunning(): Promise<number> {
  const { stdout } = await promisify(execFile)('ps', ['-axo', 'args=']);
  return stdout.split('\n').filter((command) => command.includes(`sleep ${NAP}`)).length;
}

describe('a build', () => {
  test('with a step that fails names it, with what it printed', async () => {
    const file = contained('broken', 'FROM python:3.11-slim\nRUN echo what happened >&2; exit 3');
    expect(await failure(file)).toMatchObject({
      code: 'E_IMAGE_BUILD',
      message: expect.stringMatching(/RUN echo what happened.*exit code 3/),
      detail: expect.stringContaining('what happened'),
    });
  });

  test('on a base image whose registry is not there', async () => {
    const file = contained('nobase', 'FROM 127.0.0.1:1/nowhere/image:1\nRUN true');
    expect(await failure(file)).toMatchObject({
      code: 'E_IMAGE_BASE',
      message: expect.stringMatching(/127\.0\.0\.1:1\/nowhere\/image:1 .*registry is not reached/),
    });
  });

  test('on an image that its registry, a stand-in, refuses or does not have', async () => {
    const registry = daemon.spawnBeside(process.execPath, [
      path.join(import.meta.dirname, '../support/docker/stand-in-registry.ts'),
    ]);
    const lines = createInterface({ input: registry.stdout })[Symbol.asyncIterator]();
    try {
      const host = `127.0.0.1:${(await lines.next()).value}`;
      const login = `, registries={"${host}": {"username": "me", "password": "wrong"}}`;
      const file = contained('refused', `FROM ${host}/private/image:1\nRUN true`, login);
      expect(await failure(file)).toMatchObject({
        code: 'E_IMAGE_REGISTRY',
        message: expect.stringContaining(`${host}/private/image:1 is refused`),
        hint: expect.stringContaining('docker login'),
      });
      expect((await lines.next()).value).toBe(`Basic ${Buffer.from('me:wrong').toString('base64')}`);
      expect(await failure(contained('unknown', `FROM ${host}/public/image:1\nRUN true`))).toMatchObject({
        code: 'E_IMAGE_BASE',
        message: expect.stringContaining(`${host}/public/image:1 does not exist`),
      });
    } finally {
      registry.kill('SIGKILL');
    }
  });

  test('that hangs is cancelled with its app', async () => {
    const file = contained('hangs', `FROM python:3.11-slim\nRUN sleep ${NAP}`);
    const id = await emulator.register(file, { engine: 'docker' });
    const started = emulator.client.start(id).catch((error: unknown) => error);
    await until(async () => (await stepsRunning()) > 0, 'the step to run');
    await emulator.client.remove(id);
    await started;
  });

  test('on a full disk', async () => {
    const small = await TestDaemon.start({ diskMebibytes: 48, base: false });
    const other = await EmulatorUnderTest.start([], small.env);
    try {
      const file = contained('full', 'FROM scratch\nCOPY big /big', '', other.workspace);
      const big = path.join(other.workspace, 'full/big');
      writeFileSync(big, '');
      truncateSync(big, 200 * 2 ** 20);
      expect(await failure(file, other)).toMatchObject({
        code: 'E_DISK_FULL',
        hint: expect.stringContaining('docker builder prune'),
      });
    } finally {
      await other.dispose();
      await small.dispose();
    }
  }, 180_000);
});

test('an app with a GPU, on a daemon without the NVIDIA toolkit: what to install', async () => {
  const text = readFileSync(path.join(APPS, 'probe.py'), 'utf8');
  const gpu = text.replace('name="probe"', 'name="gpu"').replace('"XS"', '"GPU-H100"');
  writeFileSync(path.join(emulator.workspace, 'apps/gpu.py'), gpu);
  expect(await failure('apps/gpu.py')).toMatchObject({
    code: 'E_DOCKER_GPU',
    message: expect.stringContaining('no NVIDIA toolkit'),
    hint: expect.stringContaining('sudo nvidia-ctk runtime configure'),
  });
});

describe.each([
  ['without live-restore', []],
  ['with live-restore', ['--live-restore']],
])('a daemon that goes away, %s', (name, flags) => {
  beforeAll(async () => {
    if (!daemon || flags.length === 0) return;
    await daemon.stop();
    await daemon.up(flags);
  }, 120_000);

  test.each(['kill', 'stop'] as const)(
    'in a request (%s), and comes back: the next attempt serves it',
    async (how) => {
      const gate = `${name} ${how}`;
      const id = await probe.submit('/wait', { name: gate });
      await probe.begun(gate);
      const direct = probe.direct('/wait', { name: `${gate} direct` });
      await probe.begun(`${gate} direct`);
      await daemon[how]();
      const { status, body } = await direct;
      expect([status, body.error_type]).toEqual([503, 'runner_disconnected']);
      writeFileSync(probe.gate(`${gate}.go`), '');
      await until(async () => (await probe.status(id)) === 'IN_QUEUE', 'the request to be back in the queue');
      await daemon.up(flags);
      const result = await probe.result(id, 180);
      expect([result.status, result.body.attempts]).toEqual([200, 2]);
    },
    300_000,
  );

  test('in a build: the start ends with E_DOCKER_DOWN, and the next one builds again', async () => {
    const file = contained('killed', `FROM python:3.11-slim\nRUN sleep ${NAP}`);
    const id = await emulator.register(file, { engine: 'docker' });
    const started = emulator.client.start(id).catch((error: unknown) => error);
    await until(async () => (await stepsRunning()) > 0, 'the step to run');
    await daemon.kill();
    expect(await started).toMatchObject({
      code: 'E_DOCKER_DOWN',
      message: 'The Docker daemon went away while the image was built.',
    });
    await emulator.client.remove(id);
    await daemon.up(flags);
    // A step that runs and fails shows as much, and takes no time to install fal.
    contained('killed', 'FROM python:3.11-slim\nRUN echo again >&2; exit 3');
    expect(await failure(file)).toMatchObject({ code: 'E_IMAGE_BUILD', detail: expect.stringContaining('again') });
  }, 240_000);
});
