import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  type AppId,
  type AppSettings,
  AppSettingsSchema,
  type EmulatorEvent,
  type FoundApp,
  type RunRequest,
  WindtunnelError,
} from '../../contract/index.ts';
import { EventBus } from '../../core/event-bus.ts';
import { FakeClock } from '../../core/fake-clock.ts';
import { silentLog } from '../../core/log.ts';
import type { AppDefinition, AppView } from '../../fleet/fleet.ts';
import { SecretStore } from '../secrets/secret-store.ts';
import { ignoreRules } from '../watch/ignore-rules.ts';
import { AppLauncher, type LauncherOptions } from './app-launcher.ts';

/** A machine whose engines reach GPUs of these names; an engine that is not named has nobody to ask. */
const machine = (names: Partial<Record<'process' | 'docker', string[]>>): LauncherOptions['machine'] => ({
  gpus: async (engine) => {
    const cards = names[engine]?.map((name) => ({ name }));
    return cards ? { cards, reason: cards.length > 0 ? '' : 'no driver of one answers' } : null;
  },
});

let folder: string;
let file: string;
let settings: Partial<AppSettings>;
let unresolved: string[];
let registered: { definition: AppDefinition; reason: string }[];
let events: EmulatorEvent[];
let learned: string[];
let onChange: (reason: string) => Promise<void>;
let options: LauncherOptions;
let launcher: AppLauncher;

const request = (more: Partial<RunRequest> = {}): RunRequest => ({
  file,
  symbol: null,
  as: null,
  engine: null,
  watch: true,
  ...more,
});

function found(): FoundApp {
  return {
    file,
    symbol: 'Pixels',
    kind: 'app',
    name: 'pixels',
    lines: { start: 1, end: 2 },
    endpoints: [],
    settings: { ...AppSettingsSchema.parse({}), ...settings },
    unresolved,
  };
}

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'wt-launch-')));
  file = join(folder, 'app.py');
  writeFileSync(file, 'a = 1\n');
  settings = {};
  unresolved = [];
  registered = [];
  events = [];
  learned = [];
  const bus = new EventBus(new FakeClock());
  bus.on((event) => events.push(event));
  const views = new Map<AppId, AppView>();
  options = {
    workspace: folder,
    owner: 'ada',
    machine: machine({ process: [] }),
    defaultEngine: 'auto',
    envFiles: () => [join(folder, '.env')],
    ignored: ignoreRules(folder, []),
    secrets: new SecretStore(join(folder, 'home', 'secrets.json'), new FakeClock()),
    events: bus,
    log: silentLog,
    apps: {
      register: async (definition, reason) => {
        registered.push({ definition, reason });
        const { id, revision, symbol, engine, endpoints } = definition;
        const view = { id, revision, file: definition.file, symbol, engine, endpoints, settings: definition.settings };
        views.set(id, { ...view, gpuDemands: [], queued: 0, running: 0, runners: [], lastError: null });
      },
      start: async () => undefined,
      remove: async (id) => void views.delete(id),
      get: (id) => views.get(id),
      list: () => [...views.values()],
      gpus: () => [],
      resolve: () => undefined,
      stopRunner: async () => false,
      runnerLogs: () => [],
      debug: () => Promise.reject(new Error('not part of this test')),
    },
    environments: {
      ensure: vi.fn(async () => ({
        environment: { kind: 'venv' as const, python: '/py', key: 'k', pythonVersion: '3.11', falVersion: '1' },
        cached: true,
        seconds: 0,
      })),
    },
    findApps: async () => [found()],
    describeApp: async () => AppSettingsSchema.parse({ keepAlive: 7 }),
    checkSyntax: async () => null,
    onSecrets: (values) => learned.push(...values),
    watch: (_targets, changed) => {
      onChange = changed;
      return { dispose: () => undefined };
    },
  };
  launcher = new AppLauncher(options);
});

afterEach(async () => {
  await launcher.dispose();
  rmSync(folder, { recursive: true, force: true });
});

test('an app goes under the owner of the workspace, or under the name that was asked for', async () => {
  expect((await launcher.register(request())).app.id).toBe('ada/pixels');
  expect((await launcher.register(request({ as: 'fal-ai/flux' }))).app.id).toBe('fal-ai/flux');
});

test('auto says which engine and why; a GPU that is not there is a warning', async () => {
  settings = { machineTypes: ['GPU-H100'] };
  const { notices } = await launcher.register(request());
  expect(notices).toEqual([
    { level: 'info', message: expect.stringContaining('engine: process (auto: ') },
    {
      level: 'warn',
      message: expect.stringContaining(
        'Pixels asks for GPU-H100, and this machine has no GPU for it (no driver of one answers)',
      ),
    },
  ]);
  settings = { machineTypes: ['GPU-H100'] };
  const other = new AppLauncher({ ...options, machine: machine({ process: ['NVIDIA'] }) });
  expect((await other.register(request({ engine: 'process' }))).notices).toEqual([]);
});

test('an app with a ContainerImage goes to the docker engine, and nowhere else', async () => {
  settings = { kind: 'container', image: { dockerfile_str: 'FROM python:3.12' } };
  const { notices } = await launcher.register(request());
  expect(notices).toEqual([{ level: 'info', message: 'engine: docker (auto: Pixels has a ContainerImage)' }]);
  expect(registered.at(-1)?.definition).toMatchObject({
    engine: 'docker',
    environment: { image: { container: { dockerfile_str: 'FROM python:3.12' } } },
  });
  settings = { kind: 'container' };
  await expect(launcher.register(request({ engine: 'process' }))).rejects.toMatchObject({
    code: 'E_ENGINE_UNAVAILABLE',
  });
});

test('auto takes containers for a GPU that only they reach', async () => {
  settings = { machineTypes: ['GPU-H100'] };
  const other = new AppLauncher({ ...options, machine: machine({ process: [], docker: ['H100'] }) });
  expect((await other.register(request())).notices).toEqual([
    { level: 'info', message: expect.stringContaining('engine: docker (auto: Pixels asks for a GPU') },
  ]);
});

test('what no engine here runs is refused', async () => {
  settings = { kind: 'conda' };
  await expect(launcher.register(request())).rejects.toMatchObject({ code: 'E_NOT_EMULATED' });
});

test('a name that another file has is refused; the same app again is not', async () => {
  await launcher.register(request());
  await launcher.register(request());
  const other = join(folder, 'other.py');
  writeFileSync(other, '');
  await expect(launcher.register(request({ file: other }))).rejects.toMatchObject({
    code: 'E_APP_NAME_TAKEN',
    actions: ['--as ada/pixels-2'],
  });
});

test('a changed file gives a new revision with the reason; an unchanged one gives none', async () => {
  await launcher.register(request());
  await onChange('app.py changed (source of the app)');
  expect(registered).toHaveLength(1);
  writeFileSync(file, 'a = 2\n');
  await onChange('app.py changed (source of the app)');
  expect(registered[1]?.reason).toBe('app.py changed (source of the app)');
  expect(registered[1]?.definition.revision).not.toBe(registered[0]?.definition.revision);
});

test('a pause of the reload holds changes back, says so with the cause, and its end takes them over', async () => {
  await launcher.register(request());
  launcher.pauseReload('ada/pixels', true);
  writeFileSync(file, 'a = 2\n');
  await onChange('app.py changed (source of the app)');
  await onChange('other.py changed (source of the app)');
  expect(registered).toHaveLength(1);
  expect(events).toContainEqual(
    expect.objectContaining({
      type: 'emulator.notice',
      message: 'ada/pixels: app.py changed (source of the app); reload is paused, so the old code serves on.',
    }),
  );
  launcher.pauseReload('ada/pixels', false);
  await vi.waitFor(() => expect(registered[1]?.reason).toBe('app.py changed (source of the app)'));
  expect(() => launcher.pauseReload('ada/nobody', true)).toThrow('No app ada/nobody runs here');
});

test('a file that does not compile leaves the old one serving, with what Python says', async () => {
  await launcher.register(request());
  writeFileSync(file, 'a = (\n');
  options.checkSyntax = async () => "SyntaxError: '(' was never closed";
  await onChange('app.py changed (source of the app)');
  expect(registered).toHaveLength(1);
  expect(events.at(-1)).toMatchObject({
    type: 'app.failed',
    app: 'ada/pixels',
    error: { code: 'E_SYNTAX', detail: "SyntaxError: '(' was never closed" },
  });
});

test('changed requirements: the environment first; one that cannot be built leaves the old revision serving', async () => {
  await launcher.register(request());
  settings = { requirements: [['no-such-package']] };
  const refused = new WindtunnelError('E_REQUIREMENTS', 'No solution found');
  options.environments.ensure = () => Promise.reject(refused);
  await onChange('app.py changed (source of the app)');
  expect(registered).toHaveLength(1);
  expect(events.at(-1)).toMatchObject({ type: 'app.failed', error: { code: 'E_REQUIREMENTS' } });
});

test('.env and secrets reach the app by its allow-list, are learned for redaction, and a change counts', async () => {
  writeFileSync(join(folder, '.env'), 'A=from-env\nB=not-for-it\n');
  settings = { secrets: ['A', 'S', 'MISSING'] };
  options.secrets.set('S', 'from-store');
  const { notices } = await launcher.register(request({ engine: 'process' }));
  expect(registered[0]?.definition.env).toEqual({ A: 'from-env', S: 'from-store' });
  expect(learned.sort()).toEqual(['from-env', 'from-store']);
  expect(notices.map(({ message }) => message)).toEqual([expect.stringContaining('MISSING')]);
  await launcher.refresh('secret OTHER was set');
  expect(registered).toHaveLength(1);
  options.secrets.set('S', 'changed-value');
  await launcher.refresh('secret S was set');
  expect(registered[1]).toMatchObject({ reason: 'secret S was set', definition: { env: { S: 'changed-value' } } });
});

test('settings that are no literals are asked of Python; where that fails, fal’s defaults count and that is said', async () => {
  unresolved = ['keep_alive'];
  await launcher.register(request({ engine: 'process' }));
  expect(registered[0]?.definition.settings.keepAlive).toBe(7);
  options.describeApp = () => Promise.reject(new WindtunnelError('E_APP_IMPORT', 'ImportError: x'));
  const { notices } = await launcher.register(request({ engine: 'process' }));
  expect(registered[1]?.definition.settings.keepAlive).toBeNull();
  expect(notices).toEqual([{ level: 'warn', message: expect.stringContaining('keep_alive (ImportError: x)') }]);
});

test('restart replaces the runners though nothing changed; an unknown app is an error', async () => {
  await launcher.register(request());
  await launcher.restart('ada/pixels');
  expect(registered).toHaveLength(2);
  expect(registered[1]?.definition.revision).not.toBe(registered[0]?.definition.revision);
  await expect(launcher.restart('ada/none')).rejects.toMatchObject({ code: 'E_UNKNOWN_APP' });
  await launcher.remove('ada/pixels');
  await expect(launcher.remove('ada/pixels')).rejects.toMatchObject({ code: 'E_UNKNOWN_APP' });
});

test('an app that is removed while it reloads stays removed, and nothing is said of the reload', async () => {
  let release: () => void = () => undefined;
  const { ensure } = options.environments;
  const built = new Promise<void>((resolve) => {
    release = resolve;
  });
  await launcher.register(request());
  options.environments.ensure = async (...args) => {
    await built;
    return ensure(...args);
  };
  writeFileSync(file, 'a = 2\n');
  const reloaded = onChange('app.py changed');
  await launcher.remove('ada/pixels');
  release();
  await reloaded;
  expect(options.apps.list()).toEqual([]);
  expect(registered).toHaveLength(1);
  expect(events).toEqual([]);
});
