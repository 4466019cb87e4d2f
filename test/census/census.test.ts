import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Census, expectNothingLeft, takeCensus } from '../support/census.ts';
import { CliSession } from '../support/cli-session.ts';
import { EmulatorUnderTest, gone } from '../support/emulator.ts';
import { requires } from '../support/skip.ts';

const apps = path.join(import.meta.dirname, '../bad-input/apps');

let emulator: EmulatorUnderTest;
let before: Census;

beforeEach(async (context) => {
  await requires('linux')(context);
  emulator = await EmulatorUnderTest.prepare([apps]);
  before = await takeCensus(emulator);
  expect(before.processes).toEqual([]);
}, 120_000);

afterEach(() => emulator?.dispose(), 120_000);

/** An app that tells what it is called. */
const NAMED = `import os
import fal


class Named(fal.App):
    keep_alive = 300

    @fal.endpoint("/")
    def names(self) -> dict:
        return {name: os.environ[name] for name in ("FAL_APP_NAME", "FAL_JOB_ID", "FAL_KEY", "WINDTUNNEL_RUNNER")}
`;

const post = (url: string, pathname: string, body: unknown) =>
  fetch(`${url}${pathname}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

/** A child that double-forks into a session of its own, and a request that will not end by itself. */
async function keepBusy(url: string): Promise<void> {
  expect((await post(url, '/run/local/good/fork', {})).status).toBe(200);
  const submitted = (await (await post(url, '/queue/local/good/block', { until: '/never' })).json()) as {
    request_id: string;
  };
  for (let state = ''; state !== 'IN_PROGRESS'; ) {
    const answer = await fetch(`${url}/queue/local/good/requests/${submitted.request_id}/status`);
    state = ((await answer.json()) as { status: string }).status;
  }
  const { processes } = await takeCensus(emulator);
  expect(
    processes.some((command) => command.includes('os.setsid')),
    processes.join('\n'),
  ).toBe(true);
}

describe('nothing is left', () => {
  test('after up, run, requests and down', async () => {
    await emulator.boot();
    await emulator.run('apps/good.py');
    expect((await post(emulator.url, '/run/local/good', { count: 1 })).status).toBe(200);
    const during = await takeCensus(emulator);
    expect(during.processes.length, 'the census sees what runs').toBeGreaterThanOrEqual(3);
    expect(during.listening.length, 'the public port').toBeGreaterThanOrEqual(1);
    expect(during.sockets.length, 'the control API, the app and its way out').toBeGreaterThanOrEqual(3);
    await emulator.stop();
    await expectNothingLeft(emulator, before);
  }, 120_000);

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    test(`after ${signal} to run, with a child that double-forks and a request in flight`, async () => {
      const run = CliSession.start(emulator, 'run', 'apps/good.py', '--port', '0', '--workspace', '.');
      await run.printed(/ready in/);
      await keepBusy(emulator.url);
      run.signal(signal);
      expect(await run.ended(), run.output).toBe(0);
      expect(await takeCensus(emulator), run.output).toEqual(before);
    }, 120_000);
  }

  test('after the terminal of run was closed', async () => {
    const run = await CliSession.inTerminal(emulator, 'run', 'apps/good.py', '--port', '0', '--workspace', '.');
    await run.printed(/ready in/);
    await keepBusy(emulator.url);
    const { pid } = emulator.entry;
    run.closeTerminal();
    await run.ended();
    await gone(pid);
    await expectNothingLeft(emulator, before, run.output);
  }, 120_000);

  test('after whoever read the output of run went away', async () => {
    const run = CliSession.start(emulator, 'run', 'apps/good.py', '--port', '0', '--workspace', '.');
    await run.printed(/ready in/);
    await keepBusy(emulator.url);
    const { url } = emulator;
    run.closeOutput();
    // Its line of log finds no reader.
    await post(url, '/queue/local/good', { count: 1 });
    await run.ended();
    expect(await takeCensus(emulator), run.output).toEqual(before);
  }, 120_000);

  test('after kill -9 of the emulator, without waiting for the next start', async () => {
    await emulator.boot();
    await emulator.run('apps/good.py');
    await keepBusy(emulator.url);
    await emulator.kill();
    // The dead-man switch: TERM, the app's grace of 5 s, KILL.
    for (let i = 0; i < 600 && (await takeCensus(emulator)).processes.length > 0; i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect((await takeCensus(emulator)).processes).toEqual([]);
    await emulator.boot();
    await emulator.stop();
    await expectNothingLeft(emulator, before);
  }, 120_000);

  test('of a runner that was started ahead of a deployment: it becomes the app, or goes with the emulator', async () => {
    await emulator.boot();
    writeFileSync(path.join(emulator.workspace, 'named.py'), NAMED);
    const deploy = async (name: string) => {
      const { code, stdout, stderr } = await emulator.exec('fal', ['deploy', 'named.py::Named', '--app-name', name]);
      expect(code, stdout + stderr).toBe(0);
      return (await (await post(emulator.url, `/run/local/${name}`, {})).json()) as Record<string, string>;
    };
    const first = await deploy('first');
    expect(first).toMatchObject({ FAL_APP_NAME: 'local/first', WINDTUNNEL_RUNNER: first.FAL_JOB_ID });
    const second = await deploy('second');
    expect(second.FAL_APP_NAME).toBe('local/second');
    expect(second.FAL_KEY).not.toBe(first.FAL_KEY);
    expect(second.WINDTUNNEL_RUNNER, 'the mark of its processes is older than it').not.toBe(second.FAL_JOB_ID);
    expect(agents().length).toBe(2);
    // A deployment that begins and goes no further.
    for (const end of ['killed', 'stopped'] as const) {
      if (end === 'stopped') {
        await emulator.boot();
        await deploy('third');
      }
      const others = agents().length;
      await emulator.client.grant({ label: 'exec fal', proxyEnv: {}, deploys: true });
      for (let i = 0; i < 600 && agents().length === others; i++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      expect(agents().length).toBe(others + 1);
      if (end === 'killed') await emulator.kill();
      else await emulator.stop();
      for (let i = 0; i < 600 && (await takeCensus(emulator)).processes.length > 0; i++) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
    await expectNothingLeft(emulator, before);
  }, 240_000);

  test('after kill -9 of a runner’s agent: its processes are gone, and the app is served again', async () => {
    await emulator.boot();
    await emulator.run('apps/good.py');
    expect((await post(emulator.url, '/run/local/good/fork', {})).status).toBe(200);
    expect(agents().length).toBe(1);
    process.kill(Number(agents()[0]), 'SIGKILL');
    for (let i = 0; i < 600 && (await takeCensus(emulator)).processes.some((line) => line.includes('os.setsid')); i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const { processes } = await takeCensus(emulator);
    expect(processes.filter((line) => line.includes('os.setsid'))).toEqual([]);
    const answer = await post(emulator.url, '/run/local/good', { count: 2 });
    expect([answer.status, await answer.json()]).toEqual([200, { count: 2 }]);
    await emulator.stop();
    await expectNothingLeft(emulator, before);
  }, 120_000);
});

const agents = () => readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && isAgent(pid));

function isAgent(pid: string): boolean {
  try {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    return command.includes('agent.py') && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(emulator.folder);
  } catch {
    return false; // It ended while it was looked at.
  }
}
