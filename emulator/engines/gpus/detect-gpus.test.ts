import { describe, expect, it } from 'vitest';
import { cdiCards, detectGpus, type GpuProbes, visibleDevices } from './detect-gpus.ts';

// There is no GPU here: what the tools print is recorded from their documentation and bug reports.
const NVIDIA =
  '0, GPU-5ad1f3c0-aaaa, NVIDIA GeForce RTX 4090, 24564\n1, GPU-5ad1f3c0-bbbb, NVIDIA H100 80GB HBM3, 81559\n';
const ROCM = JSON.stringify({
  card0: { 'VRAM Total Memory (B)': '68702699520', 'VRAM Total Used Memory (B)': '1', 'Card Series': 'Instinct MI210' },
  system: { 'Driver version': '6.3' },
});
const CDI_YAML = `cdiVersion: 0.5.0
containerEdits:
  hooks:
  - hookName: createContainer
    path: /usr/bin/nvidia-cdi-hook
devices:
- containerEdits:
    deviceNodes:
    - path: /dev/nvidia0
  name: "0"
- containerEdits:
    deviceNodes:
    - path: /dev/nvidia0
  name: GPU-5ad1f3c0-aaaa
- containerEdits: {}
  name: all
kind: nvidia.com/gpu
`;

const probes = (answers: Record<string, string>, specs: string[] = [], devices: string[] = []): GpuProbes => ({
  run: async (command) => answers[command] ?? null,
  cdiSpecs: () => specs,
  devices: () => devices,
});

describe('GPUs of this machine, by recorded answers of its tools', () => {
  it('NVIDIA’s by UUID, with their memory', async () => {
    expect(await detectGpus(probes({ 'nvidia-smi': NVIDIA, 'rocm-smi': ROCM }))).toEqual([
      { id: 'GPU-5ad1f3c0-aaaa', name: 'NVIDIA GeForce RTX 4090', vramBytes: 24564 * 2 ** 20, index: 0 },
      { id: 'GPU-5ad1f3c0-bbbb', name: 'NVIDIA H100 80GB HBM3', vramBytes: 81559 * 2 ** 20, index: 1 },
    ]);
  });

  it('AMD’s by number', async () => {
    expect(await detectGpus(probes({ 'rocm-smi': ROCM }))).toEqual([
      { id: 'amd.com/gpu=0', name: 'Instinct MI210', vramBytes: 68702699520 },
    ]);
  });

  it('those of a CDI specification, each once', async () => {
    const found = [{ id: 'nvidia.com/gpu=0', name: 'nvidia.com/gpu=0', vramBytes: null }];
    expect(await detectGpus(probes({}, [CDI_YAML]))).toEqual(found);
    const json = JSON.stringify({ cdiVersion: '0.5.0', kind: 'nvidia.com/gpu', devices: [{ name: '0' }] }, null, 2);
    expect(cdiCards(json)).toEqual(found);
    expect(cdiCards('kind: vendor.com/net\ndevices:\n- name: eth0\n')).toEqual([]);
  });

  it('those that a driver has left in /dev, where no tool is there', async () => {
    const found = async (...devices: string[]) => (await detectGpus(probes({}, [], devices))).map(({ id }) => id);
    expect(await found('null', 'nvidia0', 'nvidia1', 'nvidiactl')).toEqual(['0', '1']);
    expect(await found('dxg')).toEqual(['0']);
    expect(await found('kfd', 'dri/card0', 'dri/renderD128')).toEqual(['amd.com/gpu=0']);
    expect(await found('dri/renderD128')).toEqual([]);
  });

  it('none where a tool is missing, or complains in words', async () => {
    expect(await detectGpus(probes({}))).toEqual([]);
    const words = 'NVIDIA-SMI has failed because it couldn’t communicate with the NVIDIA driver.';
    expect(await detectGpus(probes({ 'nvidia-smi': words, 'rocm-smi': 'ERROR: no driver' }))).toEqual([]);
  });
});

it('a process sees the GPUs that it was given, by the variable of their maker', () => {
  expect(visibleDevices(['GPU-a', 'nvidia.com/gpu=1'])).toMatchObject({ CUDA_VISIBLE_DEVICES: 'GPU-a,1' });
  expect(visibleDevices(['amd.com/gpu=1'])).toEqual({ HIP_VISIBLE_DEVICES: '1' });
  expect(visibleDevices([])).toEqual({ CUDA_VISIBLE_DEVICES: '-1', HIP_VISIBLE_DEVICES: '-1' });
});
