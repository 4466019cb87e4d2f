import { spawn } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { cliFile, EmulatorUnderTest } from '../../test/support/emulator.ts';

const app = (answer: string) => `
import os
import fal


class Echo(fal.App):
    def setup(self):
        if os.environ.get("BREAK"):
            raise RuntimeError("no weights " + os.environ["TOKEN"])

    @fal.endpoint("/")
    def run(self) -> dict:
        print("answering ${answer} with", os.environ["TOKEN"])
        return {"answer": "${answer}"}
`;

let emulator: EmulatorUnderTest;
const MINUTE = 60_000;

beforeEach(async () => {
  emulator = await EmulatorUnderTest.start([]);
  write('app.py', app('one'));
  write('.env', 'TOKEN=hunter2-hunter2\n');
}, 2 * MINUTE);
afterEach(() => emulator.dispose(), MINUTE);

const write = (name: string, text: string) => writeFileSync(join(emulator.workspace, name), text);

const run = (...args: string[]) => inTerminal('run', ...args);

/** A command as a person has it in a terminal: what it has said so far, and its end. */
function inTerminal(...args: string[]) {
  const child = spawn(process.execPath, [cliFile, ...args], {
    cwd: emulator.workspace,
    env: emulator.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const terminal = { text: '' };
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      terminal.text += chunk;
    });
  }
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const says = (text: string) =>
    vi.waitFor(() => expect(terminal.text).toContain(text), { timeout: 2 * MINUTE, interval: 50 });
  return { child, terminal, says, ended };
}

test(
  'run joins the emulator that is there: logs, reload, a broken save, Ctrl-C takes only its app away',
  async () => {
    const { child, terminal, says, ended } = run('app.py');
    await says('ready in');
    expect(terminal.text).toContain('(in the emulator that runs here already)');
    await says(`curl -X POST ${emulator.url}/run/local/echo`);

    const first = await emulator.cli('call', 'echo', '--logs');
    expect(JSON.parse(first.stdout)).toEqual({ answer: 'one' });
    expect(first.stderr).toContain('| answering one with [secret]');
    const [, id = ''] = /request (\S+)/.exec(first.stderr) ?? [];
    await says(`${id.slice(0, 8)} | answering one with [secret]`);
    expect((await emulator.cli('logs', id)).stdout).toContain('answering one');

    expect(terminal.text).toMatch(/ready in [\d.]+ s \(environment [\d.]+, import [\d.]+, setup [\d.]+\)/);
    await says(`${id.slice(0, 8)}  /  attempt 1  200`);
    expect(terminal.text).not.toMatch(/uvicorn|INFO:|Python packages installed/i);
    expect((await emulator.cli('logs', 'echo')).stdout).not.toMatch(/INFO:|Python packages installed/);
    const debug = (await emulator.cli('logs', 'echo', '--level', 'debug')).stdout;
    expect(debug).toMatch(/Started server process[\s\S]*Python packages installed/);
    const follower = inTerminal('logs', 'echo', '-f');
    await follower.says('answering one');

    write('app.py', app('two'));
    await says('reload: app.py changed (source of the app)');
    await vi.waitFor(
      async () =>
        expect(JSON.parse((await emulator.cli('call', 'echo', '--direct')).stdout)).toEqual({ answer: 'two' }),
      { timeout: MINUTE },
    );
    write('app.py', 'class Echo(fal.App:\n');
    await says('[E_');
    expect(JSON.parse((await emulator.cli('call', 'echo', '--direct')).stdout)).toEqual({ answer: 'two' });

    child.kill('SIGINT');
    expect(await ended).toBe(0);
    expect((await emulator.client.status()).apps).toEqual([]);
    expect(follower.terminal.text).toContain('answering two');
    await emulator.stop();
    expect(await follower.ended).toBe(0);
    expect(follower.terminal.text).not.toContain('error');
    expect(terminal.text).not.toContain('hunter2-hunter2');
  },
  5 * MINUTE,
);

test(
  'run alone: the user’s own traceback, a mend on save, Ctrl-C leaves nothing',
  async () => {
    await emulator.stop();
    write('.env', 'TOKEN=hunter2-hunter2\nBREAK=1\n');
    const { child, terminal, says, ended } = run('app.py', '--port', '0');
    await says('Waiting for a change of the source.');
    expect(terminal.text).toMatch(/error: app\.py:9: RuntimeError: no weights \[secret\] \[E_APP_SETUP\]/);
    expect(terminal.text.match(/\[E_APP_SETUP\]/g)).toHaveLength(1);

    write('.env', 'TOKEN=hunter2-hunter2\n');
    await says('reload: .env changed (environment file)');
    await vi.waitFor(
      async () => expect(JSON.parse((await emulator.cli('call', 'echo')).stdout)).toEqual({ answer: 'one' }),
      { timeout: MINUTE },
    );
    child.kill('SIGINT');
    expect(await ended).toBe(0);
    expect((await emulator.cli('ps')).code).toBe(3);
    expect(readdirSync(join(emulator.folder, 'run'))).toEqual([]);
  },
  5 * MINUTE,
);

test(
  'run --no-watch of an app that cannot start is over with exit 1',
  async () => {
    write('.env', 'TOKEN=x\nBREAK=1\n');
    const { terminal, ended } = run('app.py', '--no-watch');
    expect(await ended).toBe(1);
    expect(terminal.text).toContain('raise RuntimeError("no weights " + os.environ["TOKEN"])');
  },
  5 * MINUTE,
);

test(
  'a second run of the same file joins the first; neither end of it, Ctrl-C or kill -9, takes the app away',
  async () => {
    const first = run('app.py');
    await first.says('ready in');
    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      const second = run('app.py');
      await second.says('ready in');
      second.child.kill(signal);
      await second.ended;
      const answer = await emulator.cli('call', 'echo', '--direct');
      expect(JSON.parse(answer.stdout), answer.stderr).toEqual({ answer: 'one' });
    }
    first.child.kill('SIGKILL');
    await first.ended;
    await vi.waitFor(async () => expect((await emulator.client.status()).apps).toEqual([]), { timeout: MINUTE });
  },
  5 * MINUTE,
);

/** `call` of the app, and what it has printed to stderr. */
function calling(...how: string[]) {
  const call = spawn(process.execPath, [cliFile, 'call', 'echo', ...how], {
    cwd: emulator.workspace,
    env: emulator.env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  call.stderr.on('data', (chunk) => {
    text += chunk;
  });
  return { call, text: () => text, ended: new Promise((resolve) => call.once('close', resolve)) };
}

test(
  'Ctrl-C on call: the queued request is cancelled, and this is said; it outlives an emulator that ends, and that is said',
  async () => {
    write('slow.py', app('slow').replace('return {', 'import time; time.sleep(600)\n        return {'));
    await emulator.run('slow.py');
    const echo = async () => (await emulator.client.status()).apps[0];
    // The direct call has the only slot, and keeps it: its app does not listen. So the other one waits.
    for (const [how, seen, said] of [
      [['--direct'], { running: 1 }, /^interrupted: the call was given up$/m],
      [[], { queued: 1 }, /^interrupted: request (\S+) was cancelled$/m],
    ] as const) {
      const { call, text, ended } = calling(...how);
      await vi.waitFor(async () => expect(await echo()).toMatchObject(seen), { timeout: MINUTE });
      if (how.length === 0) await vi.waitFor(() => expect(text()).toMatch(/^IN_QUEUE/m), { timeout: MINUTE });
      call.kill('SIGINT');
      expect(await ended, text()).toBe(130);
      expect(text()).toMatch(said);
      expect(text()).not.toContain('error');
      expect(await echo()).toMatchObject({ queued: 0 });
    }
    const { text, ended } = calling();
    await vi.waitFor(() => expect(text()).toMatch(/^IN_QUEUE/m), { timeout: MINUTE });
    await emulator.kill();
    expect(await ended, text()).toBe(3);
    const [, id] = /^request (\S+)$/m.exec(text()) ?? [];
    expect(text()).toContain('The emulator ended before its answer came. [E_EMULATOR_DOWN]');
    expect(text()).toContain(`Request ${id} is kept`);
    await emulator.boot();
    const kept = await fetch(`${emulator.url}/queue/local/echo/requests/${id}/status`);
    expect(await kept.json()).toMatchObject({ status: 'IN_QUEUE' });
  },
  5 * MINUTE,
);
