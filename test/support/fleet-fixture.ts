import {
  type AppSettings,
  AppSettingsSchema,
  type EmulatorEvent,
  type RequestRecord,
} from '../../emulator/contract/index.ts';
import { EventBus } from '../../emulator/core/event-bus.ts';
import { FakeClock } from '../../emulator/core/fake-clock.ts';
import { createLog } from '../../emulator/core/log.ts';
import type { Environments } from '../../emulator/environments/environments.ts';
import { createFleet } from '../../emulator/fleet/create-fleet.ts';
import type { AppDefinition, ManagedFleet, SubmitInput } from '../../emulator/fleet/fleet.ts';
import type { FleetOptions } from '../../emulator/fleet/options.ts';
import { FakeEngine } from './fake-engine.ts';
import { MemoryStore } from './memory-store.ts';

const GiB = 1024 ** 3;
/** Real time, for sockets and disks of a busy machine; the fleet's clock stands still meanwhile. */
const PATIENCE_MS = 20_000;

export interface Fixture {
  fleet: ManagedFleet;
  /** The store in memory; idle when another was given. */
  store: MemoryStore;
  engine: FakeEngine;
  clock: FakeClock;
  events: EmulatorEvent[];
  /** What the fleet logged as warning or error: empty in a good run. */
  complaints: string[];
  freeBytes: number;
  environments: Environments;
  register(settings?: Partial<AppSettings>, revision?: string): Promise<void>;
  submit(input?: Partial<SubmitInput>): Promise<RequestRecord>;
  /** Waits until this holds; time does not pass meanwhile. */
  until(condition: () => boolean, what?: string): Promise<void>;
  /** The record once it is complete, with its result as text. */
  completed(record: RequestRecord): Promise<{ record: RequestRecord; body: string }>;
  of<T extends EmulatorEvent['type']>(type: T): Extract<EmulatorEvent, { type: T }>[];
}

export function definition(settings: Partial<AppSettings> = {}, revision = 'v1'): AppDefinition {
  return {
    id: 'local/demo',
    revision,
    file: 'demo.py',
    symbol: 'Demo',
    settings: AppSettingsSchema.parse(settings),
    endpoints: [],
    payload: { kind: 'entrypoint', entrypoint: 'demo:Demo' },
    environment: { pythonVersion: null, requirements: [], contextDir: '/ws', appDir: '/ws' },
    engine: 'process',
    env: { API_TOKEN: 'hunter22' },
  };
}

/** A fleet over a fake engine and a store in memory, with a clock that stands still. */
export function startFleet(options: Partial<FleetOptions> = {}): Fixture {
  const clock = new FakeClock();
  const bus = new EventBus(clock);
  const store = options.store instanceof MemoryStore ? options.store : new MemoryStore();
  const used = options.store ?? store;
  const engine = new FakeEngine();
  const events: EmulatorEvent[] = [];
  const complaints: string[] = [];
  bus.on((event) => events.push(event));
  const log = createLog((severity, _tag, message) => {
    if (severity === 'warn' || severity === 'error') complaints.push(message);
  });
  let ids = 0;
  const fixture: Fixture = {
    store,
    engine,
    clock,
    events,
    complaints,
    freeBytes: 16 * GiB,
    environments: {
      ensure: async () => ({
        environment: { kind: 'venv', python: '/py', key: 'k', pythonVersion: '3.11', falVersion: '1.83.0' },
        cached: true,
        seconds: 0,
      }),
    },
    fleet: undefined as unknown as ManagedFleet,
    register: (settings, revision) => fixture.fleet.apps.register(definition(settings, revision), 'test'),
    submit: (input = {}) =>
      fixture.fleet.queue.submit({
        app: 'local/demo',
        path: '/',
        method: 'POST',
        priority: 'normal',
        startTimeout: null,
        hint: null,
        noRetry: false,
        retryConfig: null,
        webhook: null,
        storeIo: true,
        headers: [['content-type', 'application/json']],
        body: { kind: 'bytes', bytes: Buffer.from('{"x":1}') },
        maxQueueLength: null,
        ...input,
      }),
    async until(condition, what = String(condition)) {
      const deadline = performance.now() + PATIENCE_MS;
      while (!condition()) {
        if (performance.now() > deadline) throw new Error(`never came true: ${what}`);
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
    async completed(record) {
      await fixture.until(() => record.state === 'COMPLETED', `${record.id} completes`);
      const body = await used.result(record.id);
      return { record, body: body?.kind === 'bytes' ? Buffer.from(body.bytes).toString() : '' };
    },
    of: <T extends EmulatorEvent['type']>(type: T) =>
      events.filter((event): event is Extract<EmulatorEvent, { type: T }> => event.type === type),
  };
  fixture.fleet = createFleet({
    store,
    engines: { process: engine },
    environments: { ensure: (...args) => fixture.environments.ensure(...args) },
    clock,
    log,
    bus,
    tunnel: (stream) => stream.destroy(),
    dataDir: '/data',
    runnerEnv: () => ({ FAL_KEY: 'runner:key' }),
    redact: (text) => text.replaceAll('hunter22', '[secret]'),
    host: { memoryBytes: 16 * GiB, cpus: 4, freeBytes: () => fixture.freeBytes },
    newId: () => `id-${++ids}`,
    ...options,
  });
  return fixture;
}
