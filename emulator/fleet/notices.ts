import type { RunnerLimits } from '../contract/index.ts';
import { effectiveSettings } from '../core/effective-settings.ts';
import { chooseMachine, MACHINE_TYPES } from '../core/machine-types.ts';
import type { AppDefinition } from './fleet.ts';

export interface Notice {
  code: string;
  message: string;
}

/** Whether its server binds a port of its own: in the process engine all runners share the machine's ports. */
export function isExclusive({ engine, settings, payload }: AppDefinition): boolean {
  return engine === 'process' && (settings.exposedPort !== null || payload.kind === 'command');
}

/** What differs here from production for an app that is registered. */
export function registrationNotices(definition: AppDefinition, host: RunnerLimits): Notice[] {
  const { id, settings, kind } = definition;
  const notices: Notice[] = [];
  const machine = chooseMachine(settings.machineTypes, host);
  if (machine.unknown) {
    const known = Object.keys(MACHINE_TYPES).join(', ');
    const message = `${id}: no machine type ${machine.name} is known; it may use all of this machine. Known: ${known}.`;
    notices.push({ code: 'E_NOT_EMULATED', message });
  }
  const max = effectiveSettings(settings, kind).maxConcurrency;
  if (isExclusive(definition) && max > 1) {
    const message = `${id} binds its port itself, so it runs one at a time here; max_concurrency is ${max}.`;
    notices.push({ code: 'E_PORT_EXCLUSIVE', message });
  }
  return notices;
}
