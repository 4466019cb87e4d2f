import type { MachineTypeName } from './app.ts';

const MB = 1_000_000;
const GB = 1000 * MB;

/** Null: fal does not publish it, so the host's own is taken. */
export interface MachineType {
  cpus: number | null;
  memoryBytes: number | null;
  /** Memory of the card, null for a machine without one. */
  vramBytes: number | null;
}

const cpu = (cpus: number, memoryBytes: number): MachineType => ({ cpus, memoryBytes, vramBytes: null });
const gpu = (vramGB: number): MachineType => ({ cpus: null, memoryBytes: null, vramBytes: vramGB * GB });

/** Source: fal docs, deployment/machine-types; the cards under it are named on the prices page only. */
const SIZES: Readonly<Record<MachineTypeName, MachineType>> = {
  XS: cpu(0.5, 512 * MB),
  S: cpu(1, 1 * GB),
  M: cpu(2, 2 * GB),
  L: cpu(4, 15 * GB),
  XL: cpu(8, 30 * GB),
  // Any card: the name says no more.
  GPU: gpu(0),
  'GPU-A100': gpu(40),
  'GPU-L40': gpu(48),
  'GPU-H100': gpu(80),
  'GPU-RTXPRO6000': gpu(96),
  'GPU-H200': gpu(141),
  'GPU-B200': gpu(192),
  'GPU-A6000': gpu(48),
  'GPU-RTX4090': gpu(24),
  'GPU-RTX5090': gpu(32),
  'GPU-B300': gpu(288),
};

export const MACHINE_TYPES: Readonly<Record<string, MachineType>> = SIZES;
