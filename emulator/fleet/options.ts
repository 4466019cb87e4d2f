import type { Duplex } from 'node:stream';
import type { AppId, PlatformSettings, RunnerLimits } from '../contract/index.ts';
import type { Clock } from '../core/clock.ts';
import type { EventBus } from '../core/event-bus.ts';
import type { Failpoints } from '../core/failpoints.ts';
import type { GpuPolicy } from '../core/gpu-slots.ts';
import type { Log } from '../core/log.ts';
import type { PlatformConstants } from '../core/platform-constants.ts';
import type { RunnerEngine } from '../engines/engine.ts';
import type { GpuMemory } from '../engines/gpus/gpu-memory.ts';
import type { Environments } from '../environments/environments.ts';
import type { RequestStore } from '../store/store.ts';
import type { EngineGpuBook } from './engine-gpus.ts';
import type { Faults } from './faults.ts';
import type { AppDefinition } from './fleet.ts';

/** The machine that runners share. */
export interface HostMachine extends RunnerLimits {
  /** Bytes that can be given out now. */
  freeBytes(): number;
}

export interface FleetOptions {
  store: RequestStore;
  engines: Partial<Record<AppDefinition['engine'], RunnerEngine>>;
  environments: Environments;
  clock: Clock;
  log: Log;
  bus: EventBus;
  /** Takes over a connection that an app opened to one of fal's hosts, as `host:port`. */
  tunnel: (stream: Duplex, target: string, from: { runner: string; app: AppId }) => void;
  /** What runners see as /data. */
  dataDir: string;
  /** FAL_KEY in `id:secret` form, CA bundle and whatever else of a runner's environment is the platform's. */
  runnerEnv: (definition: AppDefinition, runnerId: string) => Record<string, string>;
  /** Takes secrets out of a log line. */
  redact: (text: string) => string;
  /** Absent: this machine. */
  host?: HostMachine;
  constants?: PlatformSettings;
  /** How GPUs are given out; absent: as in production. */
  gpuPolicy?: GpuPolicy;
  /** Memory in use on cards; absent: it cannot be told. */
  gpuMemory?: GpuMemory;
  failpoints?: Failpoints;
  /** Ids of requests, attempts and runners. Absent: random UUIDs. */
  newId?: () => string;
}

/** Options with their defaults filled in, as the fleet's parts share them. */
export type FleetContext = Required<Omit<FleetOptions, 'constants' | 'gpuPolicy'>> & {
  constants: PlatformConstants;
  faults: Faults;
  gpus: EngineGpuBook;
};
