import { expect, test } from 'vitest';
import { gpuMemory } from './gpu-memory.ts';

const CSV = 'GPU-a, 0, 1024\nGPU-b, 1, 2048\nGPU-c, 2, [N/A]\n';

test('memory of the cards of a runner, by UUID or CDI name; unknown where one cannot be told', async () => {
  const asked: string[] = [];
  const memory = gpuMemory({
    run: async (command) => {
      asked.push(command);
      return CSV;
    },
  });
  const answers = await Promise.all(
    [['GPU-a'], ['nvidia.com/gpu=0', 'nvidia.com/gpu=1'], ['GPU-c'], ['GPU-x']].map(memory),
  );
  expect(answers).toEqual([2 ** 30, 3 * 2 ** 30, null, null]);
  expect(asked).toEqual(['nvidia-smi']);
  expect(await gpuMemory({ run: async () => null })(['GPU-a'])).toBeNull();
});
