import type { Config } from '../contract/index.ts';
import { GPU_POLICY, type GpuCard, GpuSlots } from '../core/gpu-slots.ts';
import { detectGpus, type GpuProbes } from '../engines/gpus/detect-gpus.ts';

/** The GPUs that runners here may have: those of the configuration, else what the machine says. */
export async function gpuSlots(config: NonNullable<Config['gpus']>, probes: GpuProbes): Promise<GpuSlots> {
  const cards = config.devices?.map(card) ?? (await detectGpus(probes));
  const { runnersPerGpu = GPU_POLICY.runnersPerGpu, memory = GPU_POLICY.memory } = config;
  return new GpuSlots(cards, { runnersPerGpu, memory });
}

type ConfiguredCard = NonNullable<NonNullable<Config['gpus']>['devices']>[number];

function card({ id, name, memoryGB }: ConfiguredCard): GpuCard {
  return { id, name: name ?? id, vramBytes: memoryGB === undefined ? null : memoryGB * 1e9 };
}
