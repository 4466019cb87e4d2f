import type { RunnerMemory, Status } from '../../emulator/contract/index.ts';

/** What the runners of an emulator hold: memory, GPUs, and how much of those is in use. */
export function runnerMemory({ apps, gpus }: Pick<Status, 'apps' | 'gpus'>): ({ id: string } & RunnerMemory)[] {
  const sizes = new Map(gpus.map(({ id, vramBytes }) => [id, vramBytes]));
  return apps
    .flatMap(({ runners }) => runners)
    .map(({ id, memoryBytes: bytes, gpus: ids, gpuMemoryBytes }) => {
      const total = ids.reduce<number | null>((sum, gpu) => {
        const size = sizes.get(gpu) ?? null;
        return sum === null || size === null ? null : sum + size;
      }, 0);
      return { id, bytes, gpu: ids.length === 0 ? null : { ids, used: gpuMemoryBytes ?? null, total } };
    });
}
