import type { GpuProbes } from './detect-gpus.ts';

const NVIDIA = ['--query-gpu=uuid,index,memory.used', '--format=csv,noheader,nounits'];
const MiB = 2 ** 20;

/** Bytes that are in use on these cards, by their ids; null where it cannot be told of every one. */
export type GpuMemory = (gpus: readonly string[]) => Promise<number | null>;

/** By NVIDIA's tool. Runners that ask at the same time share one call of it. */
export function gpuMemory({ run }: Pick<GpuProbes, 'run'>): GpuMemory {
  let asked: Promise<ReadonlyMap<string, number>> | null = null;
  return async (gpus) => {
    asked ??= run('nvidia-smi', NVIDIA)
      .then((csv) => usedMemory(csv ?? ''))
      .finally(() => {
        asked = null;
      });
    const used = await asked;
    const each = gpus.map((id) => used.get(id.replace(/^nvidia\.com\/gpu=/, '')));
    return each.reduce<number | null>((sum, one) => (sum === null || one === undefined ? null : sum + one), 0);
  };
}

/** `GPU-5ad…, 0, 1234`, a line a card; memory in MiB. By UUID and by number. */
export function usedMemory(csv: string): Map<string, number> {
  return new Map(
    csv.split('\n').flatMap((line): [string, number][] => {
      const [id = '', index = '', used = ''] = line.split(',').map((cell) => cell.trim());
      const bytes = Number(used) * MiB;
      return /^(GPU|MIG)-/.test(id) && /^\d+$/.test(used)
        ? [
            [id, bytes],
            [index, bytes],
          ]
        : [];
    }),
  );
}
