import { randomUUID } from 'node:crypto';
import type { AppId } from '../contract/index.ts';
import { DisposableStore } from '../core/disposable.ts';
import { noFailpoints } from '../core/failpoints.ts';
import { platformConstants } from '../core/platform-constants.ts';
import { AppHost } from './app-host.ts';
import { AppsService } from './apps-service.ts';
import { DirectCalls } from './direct-calls.ts';
import { EngineGpuBook } from './engine-gpus.ts';
import { Faults } from './faults.ts';
import type { ManagedFleet } from './fleet.ts';
import type { FleetContext, FleetOptions } from './options.ts';
import { QueueService } from './queue-service.ts';
import { QueuedWork } from './queued-work.ts';
import { RequestRecords } from './request-records.ts';
import type { RequestWork } from './request-work.ts';
import type { RunnerHost } from './runner-host.ts';
import { thisMachine } from './this-machine.ts';
import { Watchers } from './watchers.ts';

/** How often results that are past their time are looked for; ms. */
const EXPIRE_EVERY_MS = 60_000;

/**
 * The fleet over a store and engines, which stay their owner's. Requests that an earlier emulator left are in the queue when
 * this returns; those of an app that is not registered wait for its registration.
 */
export function createFleet(options: FleetOptions): ManagedFleet {
  const context: FleetContext = {
    host: thisMachine,
    failpoints: noFailpoints,
    newId: randomUUID,
    gpuMemory: async () => null,
    ...options,
    constants: platformConstants(options.constants ?? {}),
    faults: new Faults(options.clock, options.bus),
    gpus: new EngineGpuBook({ ...options, policy: options.gpuPolicy }),
  };
  const { clock, store, log } = context;
  const resources = new DisposableStore();
  const hosts = new Map<AppId, AppHost>();
  const hostOf = (app: AppId) => hosts.get(app);

  // Before anything is told of a request.
  const records = new RequestRecords(context, () => queue);
  const watchers = resources.add(new Watchers(store, clock, log));
  const direct = new DirectCalls(context, hostOf);
  const queued = new QueuedWork(context, watchers, (record) => queue.ended(record));
  const queue = new QueueService(context, queued, watchers, hostOf);
  const work = routeWork(queued, direct);

  const runnerGone = (runner: RunnerHost) => {
    apps.keepLogs(runner.id, runner.logs);
    if (context.gpus.free(runner.id)) for (const host of hosts.values()) host.apply({ type: 'roomFreed' });
  };
  const gpusWanted = (app: AppId, holders: readonly string[]) => {
    const reason = `its GPU is needed by ${app}`;
    for (const host of hosts.values()) {
      if (host.id === app) continue;
      for (const runner of holders) host.apply({ type: 'yieldRunner', runner, reason });
    }
  };
  const hostFor = (app: AppId): AppHost => {
    const host = hosts.get(app) ?? new AppHost(app, context, work, { runnerGone, gpusWanted });
    hosts.set(app, host);
    return host;
  };
  const apps = new AppsService(context, hosts, hostFor);
  queue.restore(hostFor);
  // For who looks before any app asks. A daemon is left alone until one does.
  void context.gpus.look('process');

  const sweep = clock.setInterval(() => {
    store.expire(clock.now()).catch((error: unknown) => log.error('expired results could not be removed', { error }));
  }, EXPIRE_EVERY_MS);
  resources.defer(() => sweep.cancel());

  const close = async () => {
    apps.close();
    await Promise.all([...hosts.values()].map((host) => host.shutdown()));
    await queued.settle();
    await resources.dispose();
    await store.flush();
  };
  let closed: Promise<void> | null = null;
  return {
    queue,
    records,
    direct,
    apps,
    management: {
      rescale: (app, settings) => apps.rescale(app, settings),
      rollout: (app, force) => apps.rollout(app, force),
      replaceRunner: (runner) => apps.replaceRunner(runner),
      shell: (runner) => apps.shell(runner),
      flush: (app) => queue.flush(app),
    },
    dispose: () => {
      closed ??= close();
      return closed;
    },
  };
}

/** Sends each effect to whom its request belongs. */
function routeWork(queued: QueuedWork, direct: DirectCalls): RequestWork {
  return {
    dispatch: (host, id, runner, attempt) => (direct.owns(id) ? direct : queued).dispatch(host, id, runner, attempt),
    abort: (id, attempt, error) => (direct.owns(id) ? direct.abort(id, error) : queued.abort(id, attempt, error)),
    cancelOnRunner: (id, runner) => queued.cancelOnRunner(id, runner),
    requeue: (id, reason, spent) => queued.requeue(id, reason, spent),
    accept: (id) => queued.accept(id),
    end: (id, error, detail) => queued.end(id, error, detail),
    refuse: (id, error) => direct.refuse(id, error),
    log: (request, line) => queued.log(request, line),
    requestEnded: (request) => {
      queued.requestEnded(request);
      direct.requestEnded(request);
    },
    runnerGone: (runner) => {
      queued.runnerGone(runner);
      direct.runnerGone(runner);
    },
  };
}
