import { MACHINE_TYPES, type MachineType, type RunnerLimits } from '../contract/index.ts';

/** A machine type by its name, whatever its case; null for one that is not known. */
export function machineType(name: string): MachineType | null {
  return MACHINE_TYPES[name.toUpperCase()] ?? null;
}

export interface ChosenMachine {
  name: string;
  type: MachineType;
  limits: RunnerLimits;
  /** No machine of that name is known; the host's own size is the limit. */
  unknown: boolean;
}

/** The machine that a runner gets: the first of the list that is known. Names are matched without case. */
export function chooseMachine(names: readonly string[], host: RunnerLimits): ChosenMachine {
  const name = names.find((n) => n.toUpperCase() in MACHINE_TYPES) ?? names[0] ?? 'S';
  const known = MACHINE_TYPES[name.toUpperCase()];
  const type = known ?? { cpus: null, memoryBytes: null, vramBytes: null };
  const limits = { memoryBytes: type.memoryBytes ?? host.memoryBytes, cpus: type.cpus ?? host.cpus };
  return { name, type, limits, unknown: known === undefined };
}
