import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EmulatorUnderTest } from '../support/emulator.ts';

let emulator: EmulatorUnderTest;

beforeAll(async () => {
  emulator = await EmulatorUnderTest.prepare([path.join(import.meta.dirname, 'apps')]);
  const devices = ['GPU-stand-in-0', 'GPU-stand-in-1'].map((id) => ({ id, name: 'stand-in', memoryGB: 80 }));
  writeFileSync(path.join(emulator.workspace, 'windtunnel.jsonc'), JSON.stringify({ gpus: { devices } }));
  await emulator.boot();
}, 120_000);

afterAll(() => emulator?.dispose(), 60_000);

test('with stand-in devices from windtunnel.jsonc: each runner is given its own GPU, by the second machine type', async () => {
  const app = await emulator.run('apps/gpu.py::Gpu');
  const headers = { 'content-type': 'application/json' };
  const seen = new Map<string, string>();
  for (let i = 0; i < 600 && seen.size < 2; i++) {
    const answer = await fetch(`${emulator.url}/run/${app}`, { method: 'POST', headers, body: '{}' });
    const { cuda, runner } = (await answer.json()) as { cuda: string; runner: string };
    seen.set(runner, cuda);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect([...seen.values()].sort()).toEqual(['GPU-stand-in-0', 'GPU-stand-in-1']);
}, 120_000);

test('an app that asks for more than there is is refused in one line, with the way out', async () => {
  const refused = await emulator.cli('run', 'apps/gpu.py::TooMany');
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain('local/too-many asks for 3 × GPU-H100 (80 GB); this machine has stand-in (80 GB)');
  expect(refused.stderr).toContain('Lower num_gpus');
}, 60_000);
