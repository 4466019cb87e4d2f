import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requires } from '../../../test/support/skip.ts';
import type { WindtunnelError } from '../../contract/index.ts';
import { sourcePayload, TestBed } from './testing.ts';

const APP = `
import fal


class App(fal.App):
    machine_type = "GPU-H100"

    def setup(self):
        import torch

        SETUP

    @fal.endpoint("/")
    def run(self) -> dict:
        import torch

        torch.cuda.use()
        return {}
`;

/** Stands in for torch: what needs a device ends in _lazy_init, as there. */
const TORCH = `
def is_available():
    return False

def _lazy_init():
    raise AssertionError("Torch not compiled with CUDA enabled")

def use():
    import torch.cuda
    torch.cuda._lazy_init()
`;

describe('an app that asks for a GPU on a machine without one, with a stand-in for torch', () => {
  let bed: TestBed;
  beforeEach(async (context) => {
    await requires('noGpu')(context);
    bed = await TestBed.make();
    const torch = path.join(bed.folder, 'site-packages/torch/cuda');
    await mkdir(torch, { recursive: true });
    await writeFile(path.join(torch, '../__init__.py'), 'import torch.cuda\n');
    await writeFile(path.join(torch, '__init__.py'), TORCH);
  });
  afterEach(() => bed?.dispose());

  const start = async (setup: string) => {
    const file = path.join(bed.folder, 'project/app.py');
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, APP.replace('SETUP', setup));
    const env = { WINDTUNNEL_GPU: 'GPU-H100', PYTHONPATH: path.join(bed.folder, 'site-packages') };
    return bed.start(bed.spec(sourcePayload(file, 'App'), { env }));
  };

  it('a CUDA call in setup() ends at its line, with what is missing and the choices', async () => {
    const runner = await start('torch.cuda.use()');
    const error = await failure(runner.handle.ready);
    expect(error).toMatchObject({ code: 'E_APP_SETUP' });
    expect(error.message).toMatch(
      /^app\.py:11: NoGpu: app\.py:11 needs a GPU: this machine has no GPU .* asks for GPU-H100/,
    );
    expect(error.message).toMatch(/Choose the CPU.*DOCKER_HOST.*deploy/);
    await runner.handle.exited;
  });

  it("another library's words get them too", async () => {
    const runner = await start('raise RuntimeError("CUDA driver version is insufficient")');
    const error = await failure(runner.handle.ready);
    expect(error.message).toMatch(
      /app\.py:11: RuntimeError: CUDA driver version is insufficient \(this machine has no GPU/,
    );
    await runner.handle.exited;
  });

  it('code with a way for the CPU runs, whichever error it catches', async () => {
    const setup = 'try: torch.cuda.use()\n        except AssertionError: print("on the CPU")';
    const runner = await start(torchGuard(setup));
    await runner.handle.ready;
    expect(runner.logs.map(({ message }) => message)).toContain('on the CPU');
    await runner.handle.stop(5);
  });

  it('in a request, the traceback in its log ends with them', async () => {
    const runner = await start('pass');
    await runner.handle.ready;
    const { status } = await runner.call('/', {}, { 'x-fal-request-id': 'r1' });
    expect(status).toBe(500);
    // The lines and the answer come by ways of their own.
    const text = () => runner.logs.map(({ message }) => message).join('\n');
    await expect
      .poll(text, { timeout: 60_000 })
      .toMatch(/app\.py:17 needs a GPU: this machine has no GPU that the app can reach, and it asks for GPU-H100/);
    await runner.handle.stop(5);
  });
});

const failure = (ready: Promise<unknown>): Promise<WindtunnelError> =>
  ready.then(
    () => {
      throw new Error('it became ready');
    },
    (error: WindtunnelError) => error,
  );

const torchGuard = (setup: string) => `assert not torch.cuda.is_available()\n        ${setup}`;
