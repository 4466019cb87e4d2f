import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Status } from '../../emulator/contract/index.ts';
import { CliSession } from '../support/cli-session.ts';
import { EmulatorUnderTest } from '../support/emulator.ts';

let emulator: EmulatorUnderTest;

const APPS = path.join(import.meta.dirname, 'apps');
const H100 = { machine: 'GPU-H100', count: 1, vramBytes: 80e9 };
const B200 = { machine: 'GPU-B200', count: 1, vramBytes: 192e9 };

/** A workspace whose windtunnel.jsonc says which GPUs the machine has. */
async function workspaceWith(devices: readonly object[]): Promise<EmulatorUnderTest> {
  const made = await EmulatorUnderTest.prepare([APPS]);
  writeFileSync(path.join(made.workspace, 'windtunnel.jsonc'), JSON.stringify({ gpus: { devices } }));
  return made;
}

describe('with stand-in devices from windtunnel.jsonc', () => {
  beforeAll(async () => {
    const ids = ['GPU-stand-in-0', 'GPU-stand-in-1'];
    emulator = await workspaceWith(ids.map((id) => ({ id, name: 'stand-in', memoryGB: 80 })));
    await emulator.boot();
  }, 120_000);

  afterAll(() => emulator?.dispose());

  test('each runner is given its own GPU, by the second machine type', async () => {
    const app = await emulator.run('apps/gpu.py::Gpu', { engine: 'process' });
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

  test('ps shows them beside what the app asks for, and who has them', async () => {
    const { apps, gpus } = JSON.parse((await emulator.cli('ps', '--json')).stdout) as Status;
    expect(apps[0]?.gpuDemands).toEqual([
      { ...B200, fit: 'small' },
      { ...H100, fit: 'fits' },
    ]);
    const held = apps[0]?.runners.map(({ id, machine, gpus: own }) => ({ id, machine, own }));
    expect(held?.map(({ machine }) => machine)).toEqual(['GPU-H100', 'GPU-H100']);
    const holders = (gpu: string) => held?.filter(({ own }) => own.includes(gpu)).map(({ id }) => id);
    expect(gpus).toMatchObject(
      ['GPU-stand-in-0', 'GPU-stand-in-1'].map((id) => ({ id, vramBytes: 80e9, runners: holders(id) })),
    );
    const { stdout } = await emulator.cli('ps');
    expect(stdout).toMatch(
      /local\/gpu +1 × GPU-B200 \(192 GB\) +too little memory: stand-in \(80 GB\), stand-in \(80 GB\)/,
    );
    expect(stdout).toMatch(/local\/gpu +1 × GPU-H100 \(80 GB\) +fits/);
    for (const { id, runners } of gpus) {
      expect(stdout).toMatch(new RegExp(`${id} +stand-in +80.0 GB +process +${runners[0]}`));
    }
  });

  test('an app that asks for more than there is is refused in one line, with the way out', async () => {
    const refused = await emulator.cli('run', 'apps/gpu.py::TooMany');
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain('local/too-many asks for 3 × GPU-H100 (80 GB); this machine has stand-in (80 GB)');
    expect(refused.stderr).toContain('Lower num_gpus');
  });

  test('doctor shows them beside what the apps of the workspace ask for', async () => {
    const { gpus, checks } = JSON.parse((await emulator.cli('doctor', '--json')).stdout);
    expect(gpus.process).toMatchObject([{ id: 'GPU-stand-in-0', vramBytes: 80e9 }, { id: 'GPU-stand-in-1' }]);
    const demands = Object.fromEntries(gpus.apps.map(({ symbol, demands: all }: never) => [symbol, all]));
    expect(demands).toMatchObject({
      Gpu: [
        { ...B200, fit: 'small' },
        { ...H100, fit: 'fits' },
      ],
      TooMany: [{ ...H100, count: 3, fit: 'few' }],
    });
    const lines = checks.filter(({ name }: { name: string }) => name === 'gpu app');
    expect(lines).toContainEqual({
      name: 'gpu app',
      state: 'warn',
      reason:
        'TooMany (apps/gpu.py) asks for 3 × GPU-H100 (80 GB each): only 2 of 3: stand-in (80 GB), stand-in (80 GB)',
      fix: expect.stringContaining('Lower num_gpus'),
    });
    expect((await emulator.cli('doctor')).stdout).toMatch(/ok +gpu +stand-in \(80 GB\), stand-in \(80 GB\), by/);
  });
});

// Stands in for torch: what needs a device ends in _lazy_init, as there.
const TORCH = `
def _lazy_init():
    raise AssertionError("Torch not compiled with CUDA enabled")

def use():
    import torch.cuda
    torch.cuda._lazy_init()
`;

describe('on a machine without a GPU, with a stand-in for torch', () => {
  let run: CliSession;

  beforeAll(async () => {
    emulator = await workspaceWith([]);
    const torch = path.join(emulator.folder, 'site-packages/torch/cuda');
    mkdirSync(torch, { recursive: true });
    writeFileSync(path.join(torch, '../__init__.py'), 'import torch.cuda\n');
    writeFileSync(path.join(torch, '__init__.py'), TORCH);
    writeFileSync(path.join(emulator.workspace, '.env'), `PYTHONPATH=${path.join(emulator.folder, 'site-packages')}\n`);
    run = CliSession.start(emulator, 'run', 'apps/gpu.py::Cuda', '--engine', 'process');
  }, 120_000);

  afterAll(async () => {
    run?.signal('SIGINT');
    await run?.ended();
    await emulator?.dispose();
  });

  test('the run says so; a call that needs one ends at the line that makes it, with what is missing and the choices', async () => {
    await run.printed(/Cuda asks for GPU-H100, and this machine has no GPU for it .*: it runs on the CPU/);
    await run.printed(/ready in/, 120);
    const called = await emulator.cli('call', 'local/cuda', '--input', '{}');
    expect(called.code).toBe(1);
    const source = readFileSync(path.join(APPS, 'gpu.py'), 'utf8').split('\n');
    const line = source.findIndex((text) => text.includes('torch.cuda.use()')) + 1;
    const said = await run.printed(new RegExp(`gpu\\.py:${line} needs a GPU: .*`));
    expect(said).toMatch(/asks for GPU-H100\. Choose the CPU in the code.*DOCKER_HOST.*or deploy it/);
    const { stdout } = await emulator.cli('ps');
    expect(stdout).toMatch(/local\/cuda +1 × GPU-H100 \(80 GB\) +no GPU here: it runs on the CPU/);
    const doctor = await emulator.cli('doctor');
    expect(doctor.stdout).toMatch(/warn +gpu +none .*windtunnel\.jsonc names none/);
  }, 240_000);
});
