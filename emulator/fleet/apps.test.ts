import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { definition, type Fixture, startFleet } from '../../test/support/fleet-fixture.ts';
import { WindtunnelError } from '../contract/index.ts';

const GiB = 1024 ** 3;
let f: Fixture;
beforeEach(() => {
  f = startFleet();
});
afterEach(async () => {
  await f.fleet.dispose();
  await f.engine.dispose();
  expect(f.engine.alive).toEqual([]);
  expect(f.clock.pending, 'timers left').toBe(0);
  expect(f.complaints).toEqual([]);
});

const broken = new WindtunnelError('E_APP_SETUP', 'setup() of Demo raised ValueError: no weights', {
  detail: 'Traceback (most recent call last):\n  …\nValueError: no weights',
});
const view = () => f.fleet.apps.get('local/demo')!;

it('comes too late once the fleet has ended: a register or start is refused at once', async () => {
  await f.register();
  await f.fleet.dispose();
  for (const late of [
    f.fleet.apps.register(definition(), 'late'),
    f.fleet.apps.register({ ...definition(), id: 'local/other' }, 'late'),
    f.fleet.apps.start('local/demo'),
  ]) {
    const unsettled = new Promise((_, reject) => setTimeout(() => reject(new Error('never settles')), 60_000));
    await expect(Promise.race([late, unsettled])).rejects.toMatchObject({ code: 'E_CANCELLED' });
  }
});

describe('a runner', () => {
  it('gets its environment, its limits and a secret, and fal’s variables; the user’s own key never', async () => {
    const app = definition({ machineTypes: ['L'] });
    await f.fleet.apps.register({ ...app, env: { FAL_KEY: 'real:key', FAL_KEY_ID: 'real', API_TOKEN: 't' } }, 'test');
    await f.fleet.apps.start('local/demo');
    const { spec } = f.engine.runners[0]!;
    expect(spec.limits).toEqual({ memoryBytes: 15_000_000_000, cpus: 4 });
    expect(spec.secret).toMatch(/^[\w-]{32}$/);
    expect(spec.env).toEqual({
      API_TOKEN: 't',
      FAL_KEY: 'runner:key',
      FAL_APP_NAME: 'local/demo',
      FAL_APP_ID: 'local/demo',
      FAL_USER_NICKNAME: 'local',
      FAL_JOB_ID: spec.id,
      FAL_HOST: 'api.alpha.fal.ai',
      FAL_REGION: 'local',
      HF_HOME: '/data/.cache/huggingface',
      IS_ISOLATE_AGENT: '1',
    });
  });

  it('is told of in events from PENDING to TERMINATED', async () => {
    f.engine.autoReady = false;
    await f.register({ keepAlive: 5 });
    await f.submit();
    await f.until(() => f.engine.runners.length === 1);
    const [runner] = f.engine.runners;
    runner!.hooks.onPhase('importing', 'demo.py');
    expect(view().runners).toMatchObject([{ state: 'SETUP', phase: 'importing' }]);
    runner!.becomeReady();
    await f.until(() => view().runners[0]?.state === 'IDLE' && f.store.completed.length === 1);
    await f.clock.advanceAsync(5000);
    const states = f.of('runner.state').map((event) => event.state);
    expect(states.filter((state, i) => state !== states[i - 1])).toEqual([
      'PENDING',
      'SETUP',
      'IDLE',
      'RUNNING',
      'IDLE',
      'TERMINATING',
      'TERMINATED',
    ]);
    expect(f.of('runner.exit')).toMatchObject([{ runner: runner!.id, exit: { cause: 'stopped' } }]);
    expect(view().runners).toEqual([]);
  });

  it('shows what it prints outside requests, redacted, cut and still there after its end', async () => {
    await f.register();
    await f.fleet.apps.start('local/demo');
    const [runner] = f.engine.runners;
    runner!.hooks.onLog({ request: null, level: 'STDOUT', message: 'key hunter22', at: 0 });
    runner!.hooks.onLog({ request: null, level: 'STDERR', message: 'ü'.repeat(20_000), at: 0 });
    runner!.hooks.onLog({ request: 'a direct one', level: 'INFO', message: 'mine', at: 0 });
    runner!.crash();
    await f.until(() => view().runners[0]?.state === 'FAILURE_DELAY');
    const lines = f.fleet.apps.runnerLogs(runner!.id);
    expect(lines.map((line) => line.message.slice(0, 12))).toEqual(['key [secret]', 'ü'.repeat(12), 'mine']);
    expect(lines[0]?.timestamp).toBe('1970-01-01T00:00:00.000Z');
    expect(Buffer.byteLength(lines[1]!.message)).toBeLessThan(16 * 1024 + 20);
    expect(lines[1]!.message).toMatch(/ü … \[cut\]$/);
  });

  it('can be stopped by hand, and reports its memory', async () => {
    await f.register();
    await f.fleet.apps.start('local/demo');
    await f.clock.advanceAsync(2000);
    expect(view().runners[0]?.memoryBytes).toBe(50_000_000);
    const id = view().runners[0]!.id;
    await expect(f.fleet.apps.stopRunner(id, 1)).resolves.toBe(true);
    expect(f.engine.runners[0]!.stops).toEqual([1]);
    await expect(f.fleet.apps.stopRunner(id)).resolves.toBe(false);
  });
});

describe('what differs from production', () => {
  it('is said once an app: an unknown machine type, a port that only one runner can bind', async () => {
    await f.register({ machineTypes: ['Huge'], exposedPort: 8000, maxConcurrency: 3 });
    await f.register({ machineTypes: ['Huge'], exposedPort: 8000, maxConcurrency: 3 }, 'v2');
    const notices = f.of('emulator.notice');
    expect(notices.map((notice) => notice.code)).toEqual(['E_NOT_EMULATED', 'E_PORT_EXCLUSIVE']);
    expect(notices[0]?.message).toContain('Huge');
  });

  it('is said once an app: settings that are taken and change nothing here', async () => {
    const settings = { regions: ['us-east'], metricsPort: 9090 };
    await f.register(settings);
    await f.register(settings, 'v2');
    expect(f.of('emulator.notice').map(({ code, message }) => [code, message])).toEqual([
      ['E_NOT_EMULATED', 'local/demo: regions has no effect here: all runners are on this machine.'],
      ['E_NOT_EMULATED', 'local/demo: metrics_port has no effect here: nobody collects metrics.'],
    ]);
  });
});

describe('an app that does not start', () => {
  it('says why at once, keeps its requests, and starts when it can', async () => {
    f.engine.startError = broken;
    await f.register();
    const record = await f.submit();
    await f.until(() => view().lastError !== null && f.engine.alive.length === 0);
    expect(f.of('app.failed')[0]?.error).toEqual(broken.toJSON());
    expect(record.state).toBe('IN_QUEUE');
    f.engine.startError = null;
    await f.clock.advanceAsync(29_000);
    expect(f.engine.runners).toHaveLength(1);
    await f.clock.advanceAsync(1000);
    await f.completed(record);
    expect(view().lastError).toBeNull();
  });

  it('rejects start() with the user’s own error; asking again does not wait for the back-off', async () => {
    f.engine.startError = broken;
    await f.register();
    await expect(f.fleet.apps.start('local/demo')).rejects.toMatchObject({
      code: 'E_APP_SETUP',
      detail: broken.detail,
    });
    f.engine.startError = null;
    await expect(f.fleet.apps.start('local/demo')).resolves.toBeUndefined();
    await expect(f.fleet.apps.start('local/none')).rejects.toMatchObject({ code: 'E_UNKNOWN_APP' });
  });

  it('tells an environment that cannot be built like any other failed start', async () => {
    f.environments = {
      ensure: async (_request, onProgress) => {
        onProgress('resolving with hunter22');
        throw new WindtunnelError('E_REQUIREMENTS', 'no such package: nonesuch');
      },
    };
    await f.register();
    await expect(f.fleet.apps.start('local/demo')).rejects.toMatchObject({ code: 'E_REQUIREMENTS' });
    expect(f.of('environment.progress')[0]?.message).toBe('resolving with [secret]');
  });

  it('says when its engine is not there', async () => {
    await f.fleet.apps.register({ ...definition(), engine: 'docker' }, 'test');
    await expect(f.fleet.apps.start('local/demo')).rejects.toMatchObject({ code: 'E_ENGINE_UNAVAILABLE' });
  });

  it('is given up after startup_timeout', async () => {
    f.engine.autoReady = false;
    await f.register({ startupTimeout: 40 });
    const starting = f.fleet.apps.start('local/demo');
    starting.catch(() => undefined);
    await f.until(() => f.engine.runners.length === 1);
    f.engine.runners[0]!.hooks.onPhase('setup', '');
    await f.clock.advanceAsync(40_000);
    await expect(starting).rejects.toMatchObject({
      code: 'E_STARTUP_TIMEOUT',
      message: expect.stringContaining('setup'),
    });
    expect(f.engine.alive).toEqual([]);
  });
});

describe('a new revision', () => {
  it('serves only once its runner is ready; no request is lost or sees the old one after', async () => {
    const open: (() => void)[] = [];
    f.engine.app = (_request, response, runner) => open.push(() => response.writeHead(200).end(runner.spec.revision));
    await f.register({ maxConcurrency: 1 });
    const before = await f.submit();
    await f.until(() => open.length === 1);
    f.engine.autoReady = false;
    const registered = f.register({ maxConcurrency: 1 }, 'v2');
    await f.until(() => f.engine.runners.length === 2);
    const meanwhile = await f.submit();
    expect(view().revision).toBe('v1');
    f.engine.runners[1]!.becomeReady();
    await registered;
    expect(view().revision).toBe('v2');
    await f.until(() => open.length === 2);
    for (const end of open) end();
    expect((await f.completed(before)).body).toBe('v1');
    expect((await f.completed(meanwhile)).body).toBe('v2');
    await f.until(() => f.engine.alive.length === 1);
    expect(f.of('app.reload')).toMatchObject([{ revision: 'v2', reason: 'test' }]);
  });

  it('that does not start is refused with its error; the old one serves on', async () => {
    await f.register();
    await f.fleet.apps.start('local/demo');
    f.engine.startError = broken;
    await expect(f.register({}, 'v2')).rejects.toMatchObject({ code: 'E_APP_SETUP' });
    expect(f.of('app.failed')).toMatchObject([{ revision: 'v2' }]);
    await f.completed(await f.submit());
    expect(view().revision).toBe('v1');
  });

  it('waits for the old one to go where memory is short, holding what arrives', async () => {
    await f.register({ maxConcurrency: 1 });
    await f.fleet.apps.start('local/demo');
    f.freeBytes = 1 * GiB;
    const old = f.engine.runners[0]!;
    old.stubborn = true;
    const registered = f.register({ maxConcurrency: 1 }, 'v2');
    const held = await f.submit();
    await f.clock.advanceAsync(1000);
    expect(f.engine.runners).toHaveLength(1);
    expect(held.state).toBe('IN_QUEUE');
    old.end({ code: 0, signal: null, cause: 'stopped', error: null });
    await registered;
    await f.completed(held);
    expect(f.engine.runners.map((runner) => runner.spec.revision)).toEqual(['v1', 'v2']);
  });

  it('that is replaced before it is ready gives way', async () => {
    await f.register();
    await f.fleet.apps.start('local/demo');
    f.engine.autoReady = false;
    const second = f.register({}, 'v2');
    second.catch(() => undefined);
    await f.until(() => f.engine.runners.length === 2);
    const third = f.register({}, 'v3');
    await expect(second).rejects.toMatchObject({ code: 'E_CANCELLED' });
    await f.until(() => f.engine.runners.length === 3);
    f.engine.runners[2]!.becomeReady();
    await third;
    expect(view().revision).toBe('v3');
    expect(f.engine.runners[1]!.alive).toBe(false);
  });
});

describe('apps by name', () => {
  it('means the exact one first, else the local one, else any owner’s', async () => {
    for (const id of ['me/paint', 'local/paint', 'you/draw'] as const) {
      await f.fleet.apps.register({ ...definition(), id }, 'test');
    }
    const { apps } = f.fleet;
    expect(apps.resolve('me', 'paint')).toBe('me/paint');
    expect(apps.resolve('someone', 'paint')).toBe('local/paint');
    expect(apps.resolve('someone', 'draw')).toBe('you/draw');
    expect(apps.resolve('fal-ai', 'flux')).toBeUndefined();
    await apps.remove('local/paint');
    expect(apps.resolve('someone', 'paint')).toBe('me/paint');
    expect(apps.list().map((app) => app.id)).toEqual(['me/paint', 'you/draw']);
  });

  it('removed: its runners stop, its queue waits for the next registration', async () => {
    f.engine.app = () => undefined;
    await f.register({ maxConcurrency: 1 });
    const ran = await f.submit();
    const waited = await f.submit();
    await f.until(() => f.engine.runners[0]?.requests.length === 1);
    await f.fleet.apps.remove('local/demo');
    expect(f.engine.alive).toEqual([]);
    await expect(f.submit()).rejects.toMatchObject({ code: 'E_UNKNOWN_APP' });
    f.engine.app = (_request, response) => response.writeHead(200).end();
    await f.clock.advanceAsync(1000);
    await f.register({ maxConcurrency: 1 }, 'v2');
    await f.completed(ran);
    await f.completed(waited);
    expect(f.store.completed).toEqual([ran.id, waited.id]);
  });
});
