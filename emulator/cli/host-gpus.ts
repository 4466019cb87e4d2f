import type { Config, GpuCard } from '../contract/index.ts';
import { GPU_POLICY, type GpuPolicy } from '../core/gpu-slots.ts';
import type { HostGpus } from '../engines/docker/gpus.ts';
import { detectGpus, systemGpuProbes } from '../engines/gpus/detect-gpus.ts';
import type { Environment } from './exec-env.ts';

type GpuConfig = NonNullable<Config['gpus']>;

/** The GPUs that runners here may have: those of the configuration, else what the machine says. */
export async function hostGpus({ devices }: GpuConfig, env: Environment): Promise<HostGpus> {
  if (devices) return { cards: devices.map(card), configured: true };
  return { cards: await detectGpus(systemGpuProbes({ ...env })), configured: false };
}

export function gpuPolicy(config: GpuConfig): GpuPolicy {
  const { runnersPerGpu = GPU_POLICY.runnersPerGpu, memory = GPU_POLICY.memory } = config;
  return { runnersPerGpu, memory };
}

function card({ id, name, memoryGB }: NonNullable<GpuConfig['devices']>[number]): GpuCard {
  return { id, name: name ?? id, vramBytes: memoryGB === undefined ? null : memoryGB * 1e9 };
}
