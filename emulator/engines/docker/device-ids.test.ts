import { expect, it } from 'vitest';
import { deviceIds } from './gpus.ts';

const uuid = 'GPU-5ad1f3c0-aaaa';
const sources = { hostGpus: async () => [{ index: 1, uuid, name: 'Card', vramBytes: 24e9 }] };
const named = (...ids: string[]) => ids.map((id) => ({ id, name: id, vramBytes: null }));

it.each([
  ['by its UUID', uuid, [uuid], uuid],
  ['by CDI and number', uuid, ['nvidia.com/gpu=0', 'nvidia.com/gpu=1'], 'nvidia.com/gpu=1'],
  ['by CDI and UUID', uuid, [`nvidia.com/gpu=${uuid}`], `nvidia.com/gpu=${uuid}`],
  ['as the second render node', 'amd.com/gpu=1', ['/dev/dri/renderD128', '/dev/dri/renderD129'], '/dev/dri/renderD129'],
])('a GPU of this machine is told to the daemon %s', async (_how, gpu, devices, expected) => {
  expect(await deviceIds([gpu], named(...devices), sources)).toEqual([expected]);
});

it('one that the daemon does not know is refused, with those that it knows', async () => {
  await expect(deviceIds(['GPU-other'], named('nvidia.com/gpu=0'), sources)).rejects.toMatchObject({
    code: 'E_DOCKER_GPU',
    hint: expect.stringContaining('nvidia.com/gpu=0'),
  });
});
