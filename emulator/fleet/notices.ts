import { type AppSettings, MACHINE_TYPES, type RunnerLimits } from '../contract/index.ts';
import { effectiveSettings } from '../core/effective-settings.ts';
import { asksForGpu, gpuDemands } from '../core/gpu-slots.ts';
import { chooseMachine } from '../core/machine-types.ts';
import type { EngineGpuBook } from './engine-gpus.ts';
import type { AppDefinition } from './fleet.ts';

export interface Notice {
  code: string;
  message: string;
}

/** Settings that are taken and change nothing here, and why. Said once an app that sets them, and in docs/fidelity.md. */
export const WITHOUT_EFFECT = {
  regions: 'all runners are on this machine',
  metricsPort: 'nobody collects metrics',
  dataMounts: 'all apps share one /data',
} as const satisfies Partial<Record<keyof AppSettings, string>>;

/** The port that its server binds itself; null: it has none of its own. */
export function ownPort({ settings, payload }: AppDefinition): number | null {
  return payload.kind === 'command' ? payload.port : settings.exposedPort;
}

/** Whether its server binds a port of its own: in the process engine all runners share the machine's ports. */
export function isExclusive(definition: AppDefinition): boolean {
  return definition.engine === 'process' && ownPort(definition) !== null;
}

/** What differs here from production for an app that is registered. */
export function registrationNotices(
  definition: AppDefinition,
  { host, gpus }: { host: RunnerLimits; gpus: EngineGpuBook },
): Notice[] {
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
  if (asksForGpu(gpuDemands(settings)) && gpus.of(definition.engine)?.cards.length !== 0) {
    const { runnersPerGpu, memory } = gpus.policy;
    if (runnersPerGpu > 1) {
      const message = `${id} shares its GPUs with up to ${runnersPerGpu - 1} other runners here (gpus.runnersPerGpu in windtunnel.jsonc); in production they are its own.`;
      notices.push({ code: 'E_NOT_EMULATED', message });
    }
    if (memory === 'ignored') {
      const message = `${id} may get a GPU with less memory than its machine_type has (gpus.memory in windtunnel.jsonc).`;
      notices.push({ code: 'E_NOT_EMULATED', message });
    }
  }
  for (const [name, why] of Object.entries(WITHOUT_EFFECT)) {
    if (settings[name as keyof typeof WITHOUT_EFFECT] === null) continue;
    notices.push({ code: 'E_NOT_EMULATED', message: `${id}: ${inPython(name)} has no effect here: ${why}.` });
  }
  return notices;
}

/** A setting as one writes it in Python. */
export function inPython(setting: string): string {
  return setting.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
