import { execFile } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { fal, falJson, tryFal } from '../control-plane/fal-cli.ts';
import { CliSession } from '../support/cli-session.ts';
import { TestDaemon } from '../support/docker/test-daemon.ts';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { testPython } from '../support/python.ts';
import { has, requires } from '../support/skip.ts';
import { Calls, until } from './calls.ts';

// What the unmodified fal CLI and SDK deploy and run in containers, on a real daemon. The base image is a small Debian that stands
// in for python:3.11-slim.
/** How long a hanging step sleeps (s): also the mark by which it is found among all processes. */
const NAP = 100_000 + randomInt(100_000);
const apps = path.join(import.meta.dirname, 'apps');
let daemon: TestDaemon;
let emulator: EmulatorUnderTest;

beforeAll(async () => {
  if (!(await has('dockerd'))) return;
  daemon = await TestDaemon.start();
  emulator = await EmulatorUnderTest.start(
    ['boxed.py', 'boxed_parts'].map((name) => path.join(apps, name)),
    { ...daemon.env, PATH: [path.dirname(await testPython()), process.env.PATH].join(path.delimiter) },
  );
}, 600_000);

afterAll(async () => {
  await emulator?.dispose();
  await daemon?.dispose();
}, 120_000);

beforeEach(requires('dockerd'));

test('deploys a class with an image: files, argument and secret of the build, requirements, its own folder', async () => {
  const deployed = await fal(emulator, 'deploy', 'boxed.py::Boxed');
  expect(deployed).toMatch(/Build complete[\s\S]*the box is open[\s\S]*Deployed successfully/);
  const { status, body } = await new Calls(emulator, 'local/boxed').direct('');
  expect(status).toBe(200);
  const [id = ''] = (await daemon.docker('ps', '-q', '--filter', 'label=windtunnel.app=local/boxed')).split('\n');
  expect(body).toEqual({
    python: '3.11',
    hostname: id,
    cwd: '/box',
    flavour: 'mint',
    label: 'this side up',
    helper: 'hello from the image',
    humanized: '12,345',
  });
  const [image = ''] = (await daemon.docker('images', '-q', 'windtunnel/app')).split('\n');
  // The check of the secret names its value; the secret itself is in no layer.
  expect(await daemon.docker('run', '--rm', image, 'sh', '-c', 'cat /run/secrets/* 2>&1; true')).not.toContain(
    'sesame',
  );
}, 600_000);

test('a shell and a new start of it are in a container as well', async () => {
  const [runner] = (await falJson(emulator, 'runners', 'list')).runners as { runner_id: string }[];
  expect(await fal(emulator, 'runners', 'exec', runner?.runner_id ?? '', 'cat', '/flavour.txt')).toContain('mint');
  await emulator.kill();
  await emulator.boot();
  expect((await new Calls(emulator, 'local/boxed').direct('')).body).toMatchObject({ label: 'this side up' });
}, 600_000);

test('a Dockerfile that fails ends the deployment with its step and what that printed', async () => {
  const { code, stdout, stderr } = await tryFal(emulator, 'deploy', 'boxed.py::Stuck');
  expect(code).not.toBe(0);
  expect(stdout + stderr).toMatch(/the lid is stuck[\s\S]*exit code 7/);
  expect((await falJson(emulator, 'apps', 'list')).apps).toMatchObject([{ alias: 'boxed' }]);
}, 600_000);

test('kill -9 in a build leaves no step, no container and no app of it, and the same deployment works', async () => {
  const write = (name: string, text: string) => writeFileSync(path.join(emulator.workspace, name), text);
  write('nap.sh', `sleep ${NAP}\n`);
  write(
    'napping.py',
    `import fal
from fal.container import ContainerImage


class Napping(fal.App):
    machine_type = "XS"
    image = ContainerImage.from_dockerfile_str("FROM python:3.11-slim\\nCOPY nap.sh /nap.sh\\nRUN sh /nap.sh\\n")

    @fal.endpoint("/")
    def run(self) -> dict:
        return {"awake": True}
`,
  );
  const deploying = CliSession.start(emulator, 'exec', '--', 'fal', 'deploy', 'napping.py::Napping');
  await until(async () => (await naps()) > 0, 'the step to run', 300);
  await emulator.kill();
  expect(await deploying.ended(120)).not.toBe(0);
  await until(async () => (await naps()) === 0, 'the step to end', 120);
  await emulator.boot();
  await until(async () => (await daemon.containers()).length === 0, 'the containers to end', 120);
  expect((await falJson(emulator, 'apps', 'list')).apps).toMatchObject([{ alias: 'boxed' }]);
  write('nap.sh', 'true\n');
  await fal(emulator, 'deploy', 'napping.py::Napping');
  expect((await new Calls(emulator, 'local/napping').direct('')).body).toEqual({ awake: true });
}, 600_000);

/** Build steps that sleep. */
async function naps(): Promise<number> {
  const { stdout } = await promisify(execFile)('ps', ['-axo', 'args=']);
  return stdout.split('\n').filter((command) => command.includes(`sleep ${NAP}`)).length;
}

test('a function runs in a container of its own', async () => {
  const { code, stdout, stderr } = await emulator.exec('python', ['boxed.py']);
  expect(code, stdout + stderr).toBe(0);
  const { result, here } = JSON.parse(stdout.split('\n').find((line) => line.startsWith('{"result"')) ?? 'null');
  expect(result.flavour).toBe('mint');
  expect(result.hostname).not.toBe(here);
}, 600_000);

test('fal run of a class with an image serves until it is stopped', async () => {
  const running = CliSession.start(emulator, 'exec', '--', 'fal', 'run', 'boxed.py::Boxed');
  const url = await running.printed(/https:\/\/fal\.run\/(local\/[\w-]+)/, 300);
  await running.printed(/the box is open/, 300);
  expect((await new Calls(emulator, url).direct('')).body).toMatchObject({ flavour: 'mint' });
  running.signal('SIGINT');
  await running.ended(120);
  expect((await new Calls(emulator, url).direct('')).status).toBe(404);
}, 600_000);
