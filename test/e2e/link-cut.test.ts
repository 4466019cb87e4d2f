import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { requires } from '../support/skip.ts';

const APP = 'apps/half_upload.py';
let emulator: EmulatorUnderTest;

beforeAll(async () => {
  emulator = await EmulatorUnderTest.start([path.join(import.meta.dirname, 'apps')]);
  await emulator.run(APP);
});
afterAll(() => emulator?.dispose());
beforeEach(requires('linux'));

const until = async (what: string, holds: () => boolean | Promise<boolean>) => {
  for (let i = 0; i < 1200; i++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`never came true within a minute: ${what}`);
};

/** Files of the emulator below `files/`, whole ones and those that are being written. */
function uploads(): { whole: string[]; half: string[] } {
  const all = readdirSync(path.join(emulator.folder, 'wt/workspaces'), { recursive: true, encoding: 'utf8' });
  const files = all.filter((name) => name.includes('/files/') && name.split('/files/')[1] !== 'tmp');
  const isHalf = (name: string) => name.includes('/files/tmp/');
  return { whole: files.filter((name) => !isHalf(name)), half: files.filter(isHalf) };
}

function agents(): number[] {
  const mine = (pid: string) => {
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      return command.includes('agent.py') && readFileSync(`/proc/${pid}/environ`, 'utf8').includes(emulator.folder);
    } catch {
      return false; // It ended while it was looked at.
    }
  };
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && mine(pid))
    .map(Number);
}

test.each([
  [
    'by the end of the agent',
    async () => {
      for (const pid of agents()) process.kill(pid, 'SIGKILL');
    },
  ],
  [
    'by the end of the emulator',
    async () => {
      await emulator.kill();
      await emulator.boot();
      await emulator.register(APP);
    },
  ],
])('a link that is cut in the middle of an upload, %s: no half file, and the request runs again', async (how, cut) => {
  const before = uploads().whole.length;
  const marker = path.join(emulator.folder, `half-${how.replaceAll(' ', '-')}`);
  const sent = await fetch(`${emulator.url}/queue/local/half-upload`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ marker }),
  });
  const { request_id: id } = (await sent.json()) as { request_id: string };
  await until('the first half is here', () => existsSync(marker) && uploads().half.length === 1);
  await cut();
  const where = () => `${emulator.url}/queue/local/half-upload/requests/${id}`;
  await until('the request is complete', async () => {
    const status = (await (await fetch(`${where()}/status`)).json()) as { status: string };
    return status.status === 'COMPLETED';
  });
  const { url } = (await (await fetch(where())).json()) as { url: string };
  const local = `${emulator.url}${new URL(url).pathname}`;
  const text = await (await fetch(local)).text();
  expect([text.length, /^x{300000}y{300000}$/.test(text)]).toEqual([600_000, true]);
  expect(uploads().half, 'the half of the first attempt').toEqual([]);
  expect(uploads().whole.length - before).toBeGreaterThanOrEqual(1);
});
