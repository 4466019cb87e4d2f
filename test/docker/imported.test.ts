import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { rootCertificates } from 'node:tls';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { fal, falJson } from '../control-plane/fal-cli.ts';
import { CliSession } from '../support/cli-session.ts';
import { TestDaemon } from '../support/docker/test-daemon.ts';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { testPython } from '../support/python.ts';
import { has, requires } from '../support/skip.ts';
import { Calls } from './calls.ts';

// Imported apps whose rows need an image (docs/import-rows.md): converted, built and called on a real daemon, by the commands
// that `import` prints. Packages come from Debian's mirror and PyPI.
let daemon: TestDaemon;
let emulator: EmulatorUnderTest;

beforeAll(async () => {
  if (!(await has('dockerd'))) return;
  daemon = await TestDaemon.start();
  emulator = await EmulatorUnderTest.start(
    ['letters', 'worker'].map((name) => path.join(import.meta.dirname, 'imported', name)),
    { ...daemon.env, PATH: [path.dirname(await testPython()), process.env.PATH].join(path.delimiter) },
  );
  await makeOfficialImage();
}, 1_000_000);

afterAll(async () => {
  await emulator?.dispose();
  await daemon?.dispose();
}, 120_000);

beforeEach(requires('dockerd'));

/**
 * The base image with what the official ones have besides: a Python with pip in /usr/local, here a virtual environment. It trusts
 * whom this machine trusts, and has what both Dockerfiles end with already, which takes longest.
 */
async function makeOfficialImage(): Promise<void> {
  const folder = path.join(emulator.folder, 'official');
  mkdirSync(folder);
  const bundle = process.env.SSL_CERT_FILE;
  writeFileSync(path.join(folder, 'ca.pem'), bundle ? readFileSync(bundle) : rootCertificates.join('\n'));
  const lines = [
    'FROM python:3.11-slim',
    'COPY ca.pem /etc/ca.pem',
    'ENV SSL_CERT_FILE=/etc/ca.pem PIP_CERT=/etc/ca.pem',
    'RUN python3 -m venv /usr/local && pip install --no-cache-dir fal',
    'RUN apt-get update && apt-get install -y --no-install-recommends curl && rm -rf /var/lib/apt/lists/*',
  ];
  writeFileSync(path.join(folder, 'Dockerfile'), `${lines.join('\n')}\n`);
  await daemon.docker('build', '-q', '-t', 'python:3.11-slim', folder);
}

/** Imports a folder; what to run next, as the command says. */
async function imported(name: string): Promise<string> {
  const { code, stdout, stderr } = await emulator.cli('import', name);
  expect(code, stdout + stderr).toBe(0);
  return /^next: windtunnel run (.*)$/m.exec(stdout)?.[1] ?? '';
}

const written = (file: string) => readFileSync(path.join(emulator.workspace, file), 'utf8');

test('Modal from_dockerfile, apt_install, pip_install and env: the function answers from the image that they make', async () => {
  const run = CliSession.start(emulator, 'run', await imported('letters'), '--no-watch');
  await run.printed(/ready in/, 800);
  expect(await new Calls(emulator, 'local/letters').direct('', { name: 'reader of it' })).toEqual({
    status: 200,
    body: { result: { letter: 'Dear Reader of It', stamp: 'stamped' } },
  });
  run.signal('SIGINT');
  expect(await run.ended(120)).toBe(0);
}, 1_000_000);

test('a RunPod worker is deployed on its Dockerfile, without the lines that copy and start the handler', async () => {
  const target = await imported('worker');
  const dockerfile = written('worker-fal/Dockerfile.fal');
  expect(dockerfile).toMatch(/^# COPY src\/handler\.py test_input\.json \.\/$/m);
  expect(dockerfile).toMatch(/^# CMD \["python3", "-u", "handler\.py"\]$/m);
  await fal(emulator, 'deploy', `${path.relative(emulator.workspace, target)}::Worker`);
  const worker = new Calls(emulator, 'local/worker');
  expect(await worker.direct('', { name: 'a tale' })).toEqual({
    status: 200,
    body: { said: 'GOOD EVENING, A TALE', before: 0 },
  });
  const [id = ''] = (await daemon.docker('ps', '-q', '--filter', 'label=windtunnel.app=local/worker')).split('\n');
  expect((await daemon.docker('exec', id, 'ls', '/srv')).split('\n').sort()).toEqual(['requirements.txt', 'words.txt']);
  // The network volume is a folder of /data: what one runner wrote is there for the next.
  const [runner] = (await falJson(emulator, 'runners', 'list')).runners as { runner_id: string }[];
  await fal(emulator, 'runners', 'kill', runner?.runner_id ?? '');
  expect((await worker.direct('', { name: 'another' })).body).toMatchObject({ before: 1 });
}, 1_000_000);
