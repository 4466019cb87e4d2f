import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeEngine } from '../../test/support/fake-engine.ts';
import { definition, type Fixture, startFleet } from '../../test/support/fleet-fixture.ts';
import type { AppId, GpuCard } from '../contract/index.ts';

const card = (id: string): GpuCard => ({ id, name: 'Test card', vramBytes: 80e9 });
let f: Fixture;

const register = (id: AppId, settings: Parameters<typeof definition>[0] = {}) =>
  f.fleet.apps.register(
    { ...definition({ machineTypes: ['GPU-H100'], keepAlive: 1000, ...settings }), id, env: {} },
    'test',
  );
const gpusOf = () => f.engine.alive.map(({ spec }) => `${spec.app} ${spec.gpus.join('+')}`);

beforeEach(() => {
  f = startFleet();
  f.engine.cards = [card('g0'), card('g1')];
  // A GPU machine may use the whole memory of this one: it is GPUs that are scarce here.
  f.freeBytes = 2 ** 40;
});
afterEach(() => f.fleet.dispose());

describe('GPUs of runners', () => {
  it('are given to each by itself, none to machine types without, and shown beside what is asked for', async () => {
    await register('local/a', { minConcurrency: 2, maxConcurrency: 2 });
    await f.until(() => f.engine.alive.length === 2);
    expect(gpusOf().sort()).toEqual(['local/a g0', 'local/a g1']);
    await register('local/cpu', { machineTypes: ['S'], minConcurrency: 1 });
    await f.until(() => f.engine.alive.length === 3);
    expect(f.engine.alive.at(-1)!.spec.gpus).toEqual([]);
    const views = f.fleet.apps.list();
    const held = views.flatMap(({ runners }) => runners.map(({ machine, gpus }) => `${machine} ${gpus.join('+')}`));
    expect(held.sort()).toEqual(['GPU-H100 g0', 'GPU-H100 g1', 'S ']);
    expect(views.map(({ gpuDemands }) => gpuDemands)).toEqual([
      [{ machine: 'GPU-H100', count: 1, vramBytes: 80e9, fit: 'fits' }],
      [],
    ]);
    const runner = (gpu: string) => f.engine.alive.find(({ spec }) => spec.gpus.includes(gpu))?.id;
    expect(f.fleet.apps.gpus()).toEqual(
      ['g0', 'g1'].map((id) => ({ ...card(id), engines: ['process'], runners: [runner(id)] })),
    );
  });

  it('tell what is in use of them, once a runner has any', async () => {
    await f.fleet.dispose();
    const asked: (readonly string[])[] = [];
    f = startFleet({
      gpuMemory: async (gpus) => {
        asked.push(gpus);
        return 3e9;
      },
    });
    f.engine.cards = [card('g0')];
    f.freeBytes = 2 ** 40;
    await register('local/cpu', { machineTypes: ['S'], minConcurrency: 1 });
    await f.until(() => f.engine.alive.length === 1);
    await f.clock.advanceAsync(2000);
    expect(asked).toEqual([]);
    await register('local/a', { minConcurrency: 1 });
    await f.until(() => f.engine.alive.length === 2);
    await f.clock.advanceAsync(2000);
    const used = () => f.fleet.apps.list().map(({ id, runners }) => [id, runners[0]?.gpuMemoryBytes]);
    await f.until(() => used().some(([, bytes]) => bytes === 3e9));
    expect(used()).toEqual(
      expect.arrayContaining([
        ['local/cpu', undefined],
        ['local/a', 3e9],
      ]),
    );
    expect(asked[0]).toEqual(['g0']);
  });

  it('go from an idle runner to the app that needs them; nothing of either is lost', async () => {
    await register('local/a', { numGpus: 2 });
    await register('local/b', { numGpus: 2 });
    const first = await f.submit({ app: 'local/a' });
    await f.completed(first);
    expect(gpusOf()).toEqual(['local/a g0+g1']);
    const second = await f.submit({ app: 'local/b' });
    await f.completed(second);
    expect(gpusOf()).toEqual(['local/b g0+g1']);
    const reasons = f.of('runner.state').map(({ reason }) => reason);
    expect(reasons).toContain('its GPU is needed by local/b');
    expect(reasons.some((reason) => reason.startsWith('no GPU is free'))).toBe(true);
  });

  it('of a runner that works stay its own; who waits gets them at its end', async () => {
    let finish: () => void = () => undefined;
    f.engine.app = (request, response) => {
      if (request.path === '/held') finish = () => response.end('{}');
      else response.end('{}');
    };
    await register('local/a', { numGpus: 2, keepAlive: 0 });
    await register('local/b', { numGpus: 2 });
    const held = await f.submit({ app: 'local/a', path: '/held' });
    await f.until(() => held.state === 'IN_PROGRESS' && f.engine.runners[0]?.requests.length === 1);
    const waiting = await f.submit({ app: 'local/b' });
    await f.clock.advanceAsync(60_000);
    expect([held.state, waiting.state]).toEqual(['IN_PROGRESS', 'IN_QUEUE']);
    finish();
    await f.completed(held);
    await f.clock.advanceAsync(0);
    await f.completed(waiting);
  });

  it('that this machine can never give are refused when the app is registered', async () => {
    await expect(register('local/big', { numGpus: 3 })).rejects.toMatchObject({ code: 'E_GPU_DEMAND' });
    await expect(register('local/big', { machineTypes: ['GPU-B200'] })).rejects.toMatchObject({ code: 'E_GPU_DEMAND' });
    expect(f.fleet.apps.get('local/big')).toBeUndefined();
  });

  it('that are shared are said to be', async () => {
    await f.fleet.dispose();
    f = startFleet({ gpuPolicy: { runnersPerGpu: 2, memory: 'ignored' } });
    f.engine.cards = [card('g0')];
    f.freeBytes = 2 ** 40;
    await register('local/a', { machineTypes: ['GPU-B200'], minConcurrency: 2, maxConcurrency: 2 });
    await f.until(() => f.engine.alive.length === 2);
    expect(gpusOf()).toEqual(['local/a g0', 'local/a g0']);
    const notices = f.of('emulator.notice').map(({ message }) => message);
    expect(notices.join('\n')).toContain('gpus.runnersPerGpu');
    expect(notices.join('\n')).toContain('gpus.memory');
  });

  it('that are not there are asked for in vain: the runner is told that it got none', async () => {
    f.engine.cards = [];
    await register('local/a', { minConcurrency: 1 });
    await f.until(() => f.engine.alive.length === 1);
    expect(f.engine.alive[0]!.spec).toMatchObject({ gpus: [], env: { WINDTUNNEL_GPU: 'GPU-H100' } });
    expect(f.fleet.apps.get('local/a')?.gpuDemands).toMatchObject([{ fit: 'none' }]);
  });

  it('of a daemon that was down at the registration are given out once it answers', async () => {
    await f.fleet.dispose();
    const engine = new FakeEngine();
    engine.cards = null;
    f = startFleet({ engines: { docker: engine } });
    f.freeBytes = 2 ** 40;
    const app = definition({ machineTypes: ['GPU-H100'], minConcurrency: 1 });
    await f.fleet.apps.register({ ...app, engine: 'docker', env: {} }, 'test');
    await f.until(() => f.of('app.failed').length > 0);
    expect(f.of('app.failed')[0]).toMatchObject({ error: { code: 'E_DOCKER_DOWN' } });
    engine.cards = [card('g0')];
    await f.clock.advanceAsync(30_000);
    await f.until(() => engine.alive.length === 1);
    expect(engine.alive[0]?.spec.gpus).toEqual(['g0']);
  });

  it('that this machine can never give are refused when an app is scaled, too', async () => {
    await register('local/a');
    const settings = { ...definition({ machineTypes: ['GPU-B200'] }).settings };
    expect(() => f.fleet.management.rescale('local/a', settings)).toThrow(
      expect.objectContaining({ code: 'E_GPU_DEMAND' }),
    );
  });
});
