import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ControlClient } from '../../client/control-client.ts';
import {
  type AppId,
  AppSettingsSchema,
  type AppStatus,
  type LogLine,
  type RequestRecord,
  VERSION,
  WindtunnelError,
} from '../../contract/index.ts';
import type { Disposable } from '../../core/disposable.ts';
import { EventBus } from '../../core/event-bus.ts';
import { FakeClock } from '../../core/fake-clock.ts';
import { silentLog } from '../../core/log.ts';
import type { RequestChange } from '../../fleet/fleet.ts';
import { SecretStore } from '../secrets/secret-store.ts';
import { Audience } from './audience.ts';
import { startControlServer } from './control-server.ts';
import { type ControlDeps, controlRoutes, controlUpgrades } from './routes.ts';

/** For sockets of a busy machine. */
const PATIENCE = { timeout: 60_000 };

const APP: AppStatus = {
  id: 'local/pixels',
  revision: 'r1',
  file: '/w/app.py',
  symbol: 'Pixels',
  engine: 'process',
  endpoints: [{ path: '/', method: 'run', kind: 'http', healthCheck: false, lines: { start: 3, end: 5 } }],
  settings: AppSettingsSchema.parse({}),
  gpuDemands: [],
  queued: 2,
  running: 1,
  runners: [],
  lastError: null,
};
const line = (message: string): LogLine => ({
  timestamp: '2026-01-01T00:00:00.000Z',
  level: 'STDOUT',
  message,
  source: 'USER',
  labels: {},
});

let folder: string;
let socket: string;
let events: EventBus;
let server: Disposable;
let deps: ControlDeps;
let watchers: ((change: RequestChange) => void)[];
const record = { id: 'req-1', app: APP.id, runnerId: 'run-1', state: 'IN_PROGRESS' } as RequestRecord;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'wt-control-'));
  socket = join(folder, 'sockets', 'c.sock');
  const clock = new FakeClock();
  events = new EventBus(clock);
  watchers = [];
  const missing = () => Promise.reject(new WindtunnelError('E_INTERNAL', 'not part of this test'));
  deps = {
    hello: () => ({ version: VERSION, pid: 1, workspace: '/w', url: 'http://127.0.0.1:1', startedAt: 5 }),
    fleet: {
      apps: {
        list: () => [APP],
        gpus: () => [],
        get: (id: AppId) => (id === APP.id ? APP : undefined),
        start: async (id) => {
          throw new WindtunnelError('E_APP_SETUP', `setup() of ${id} raised`, { detail: 'Traceback: boom' });
        },
        stopRunner: async (id) => id === 'run-1',
        register: missing,
        remove: missing,
        resolve: () => undefined,
        runnerLogs: () => [],
        debug: async (id) => {
          if (id !== APP.id) throw new WindtunnelError('E_NO_DEBUGGER', `${id} does not run under a debugger.`);
          // It says back what it is told.
          return new PassThrough();
        },
      },
      records: {
        list: () => [],
        find: () => undefined,
        document: missing,
        replay: missing,
        begin: missing,
        told: missing,
        end: missing,
      },
      queue: {
        get: (id) => (id === record.id ? record : undefined),
        logs: async () => [line('one'), line('two')],
        watch: (_id, listener) => {
          watchers.push(listener);
          listener({ record, logs: [line('one')] });
          return { dispose: () => void watchers.splice(watchers.indexOf(listener), 1) };
        },
        submit: missing,
        position: () => 0,
        result: missing,
        cancel: missing,
      },
    },
    launcher: {
      register: vi.fn(async () => ({ app: APP, notices: [{ level: 'info' as const, message: 'engine: process' }] })),
      remove: vi.fn(async () => undefined),
      restart: vi.fn(async () => undefined),
      pauseReload: vi.fn(() => undefined),
      refresh: vi.fn(async () => undefined),
    },
    secrets: new SecretStore(join(folder, 'secrets.json'), clock),
    events,
    audience: new Audience(clock, null, () => undefined),
    grant: ({ label }) => ({ secret: `for-${label}`, url: 'http://127.0.0.1:1', caFile: '/ca.pem' }),
    shutdown: vi.fn(),
  };
  server = await startControlServer({
    socket,
    token: 'tok',
    routes: controlRoutes(deps),
    upgrades: controlUpgrades({ apps: deps.fleet.apps, management: { shell: missing } }),
    log: silentLog,
  });
});

afterEach(async () => {
  await server.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const client = (options: { token?: string; version?: string } = {}) =>
  new ControlClient({ socket, token: 'tok', ...options });

test('status tells version, workspace and apps', async () => {
  expect(await client().status()).toMatchObject({ version: VERSION, workspace: '/w', apps: [APP] });
});

test('the socket is the user’s alone', () => {
  expect(statSync(socket).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, 'sockets')).mode & 0o777).toBe(0o700);
});

test('a wrong token is refused', async () => {
  await expect(client({ token: 'x' }).status()).rejects.toMatchObject({ code: 'E_UNAUTHORIZED' });
});

test('another version is refused with the way to mend it, but may say hello and shut down', async () => {
  const old = client({ version: '0.0.1' });
  await expect(old.status()).rejects.toMatchObject({
    code: 'E_EMULATOR_VERSION',
    actions: ['windtunnel down', 'windtunnel up'],
  });
  expect((await old.hello()).version).toBe(VERSION);
  await old.shutdown();
  await vi.waitFor(() => expect(deps.shutdown).toHaveBeenCalledOnce(), PATIENCE);
});

test('no emulator at the socket is E_EMULATOR_DOWN', async () => {
  const nowhere = new ControlClient({ socket: join(folder, 'none.sock'), token: 'tok' });
  await expect(nowhere.status()).rejects.toMatchObject({ code: 'E_EMULATOR_DOWN' });
});

test('run hands the request on, start carries the traceback of the app', async () => {
  const asked = { file: '/w/app.py', symbol: null, as: null, engine: 'auto', watch: true } as const;
  expect((await client().run(asked)).app.id).toBe('local/pixels');
  expect(deps.launcher.register).toHaveBeenCalledWith(asked);
  await expect(client().start('local/pixels')).rejects.toMatchObject({
    code: 'E_APP_SETUP',
    kind: 'app',
    detail: 'Traceback: boom',
  });
});

test('remove, restart and stopping a runner', async () => {
  await client().remove('local/pixels');
  expect(deps.launcher.remove).toHaveBeenCalledWith('local/pixels');
  expect((await client().restart('local/pixels')).id).toBe('local/pixels');
  await client().pauseReload('local/pixels', true);
  expect(deps.launcher.pauseReload).toHaveBeenCalledWith('local/pixels', true);
  expect(await client().stopRunner('run-1', 0)).toBe(true);
  expect(await client().stopRunner('run-9')).toBe(false);
});

test('an app goes with the last of its holders, said or not, and not with the emulator', async () => {
  const asked = { file: '/w/app.py', symbol: null, as: null, engine: 'auto', watch: true } as const;
  const join = async (holder: string) => {
    const stop = new AbortController();
    const stream = client().events({ replay: true, holder }, stop.signal);
    events.emit({ type: 'emulator.notice', level: 'info', code: 'x', message: 'y' });
    await stream.next();
    await client().run(asked, stop.signal, holder);
    return async () => {
      stop.abort();
      while (!(await stream.next()).done);
    };
  };
  const first = await join('first');
  const second = await join('second');
  await client().remove(APP.id, 'second');
  await client().remove(APP.id, 'second');
  await second();
  await client().remove(APP.id, 'nobody');
  expect(deps.launcher.remove).not.toHaveBeenCalled();
  await first();
  await vi.waitFor(() => expect(deps.launcher.remove).toHaveBeenCalledExactlyOnceWith(APP.id), PATIENCE);

  await client().run(asked);
  await (await join('third'))();
  await join('fourth');
  await server.dispose();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(deps.launcher.remove).toHaveBeenCalledOnce();
});

test('a holder that goes away while its app is read takes it along', async () => {
  const stop = new AbortController();
  let registered: () => void = () => undefined;
  deps.launcher.register = () => {
    stop.abort();
    return new Promise((resolve) => {
      registered = () => resolve({ app: APP, notices: [] });
    });
  };
  const asked = { file: '/w/app.py', symbol: null, as: null, engine: 'auto', watch: true } as const;
  await expect(client().run(asked, stop.signal, 'me')).rejects.toThrow();
  // By the second answer on other connections the server has seen the end of that one.
  for (let calls = 0; calls < 2; calls++) await client().status();
  registered();
  await vi.waitFor(() => expect(deps.launcher.remove).toHaveBeenCalledWith(APP.id), PATIENCE);
});

test('secrets are listed by name only, and a change reaches the apps', async () => {
  await client().setSecret('TOKEN', 'hunter22');
  expect(deps.launcher.refresh).toHaveBeenCalledWith('secret TOKEN was set');
  const list = await client().secrets();
  expect(list.map(({ name }) => name)).toEqual(['TOKEN']);
  expect(JSON.stringify(list)).not.toContain('hunter22');
  await expect(client().setSecret('no-good', 'x')).rejects.toMatchObject({ code: 'E_SECRET_NAME' });
  await client().unsetSecret('TOKEN');
  expect(await client().secrets()).toEqual([]);
});

test('events come replayed, then live, and end with the caller', async () => {
  events.emit({ type: 'app.removed', app: 'local/old' });
  const stop = new AbortController();
  const seen: string[] = [];
  for await (const event of client().events({ replay: true }, stop.signal)) {
    seen.push(event.type);
    if (seen.length === 1) events.emit({ type: 'emulator.notice', level: 'info', code: 'x', message: 'y' });
    if (seen.length === 2) stop.abort();
  }
  expect(seen).toEqual(['app.removed', 'emulator.notice']);
});

test('an ended emulator ends the stream of its events without an error', async () => {
  events.emit({ type: 'app.removed', app: 'local/old' });
  for await (const _ of client().events({ replay: true }, new AbortController().signal)) await server.dispose();
});

test('logs of a request: its history, or followed to its end', async () => {
  const texts = async (follow: boolean) => {
    const out: string[] = [];
    for await (const entry of client().logs({ of: 'req-1', follow }, new AbortController().signal)) {
      out.push(entry.line.message);
      if (follow && out.length === 1) {
        watchers[0]?.({ record: { ...record, state: 'COMPLETED' }, logs: [line('last')] });
      }
    }
    return out;
  };
  expect(await texts(false)).toEqual(['one', 'two']);
  expect(await texts(true)).toEqual(['one', 'last']);
  await vi.waitFor(() => expect(watchers).toEqual([]), PATIENCE);
});

test('logs of an app are those of its runners; an unknown name is an error', async () => {
  events.emit({ type: 'log', app: APP.id, runner: 'run-1', request: null, line: line('mine') });
  events.emit({ type: 'log', app: 'local/other', runner: 'run-2', request: null, line: line('not mine') });
  const out: string[] = [];
  for await (const entry of client().logs({ of: 'pixels', follow: false }, new AbortController().signal)) {
    out.push(entry.line.message);
  }
  expect(out).toEqual(['mine']);
  const unknown = client().logs({ of: 'nobody', follow: false }, new AbortController().signal);
  await expect(unknown.next()).rejects.toMatchObject({ code: 'E_UNKNOWN_APP' });
});

test('a grant is a key of its own', async () => {
  expect(await client().grant({ label: 'exec', proxyEnv: {} })).toEqual({
    secret: 'for-exec',
    url: 'http://127.0.0.1:1',
    caFile: '/ca.pem',
  });
});

const raw = (method: string, path: string, headers: Record<string, string>, body?: string) =>
  new Promise<number>((resolve, reject) => {
    const call = request({ socketPath: socket, method, path, headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    call.on('error', reject);
    call.end(body);
  });

test.each([
  ['GET', '/v1/nothing', {}, undefined, 400],
  ['PATCH', '/v1/status', {}, undefined, 400],
  ['GET', '/v1/status', { authorization: '' }, undefined, 401],
  ['GET', '/v1/status', { origin: 'https://evil.test' }, undefined, 400],
  ['POST', '/v1/apps', {}, '{"file": 5}', 400],
  ['POST', '/v1/apps', {}, '{', 400],
])('%s %s with %j answers %i', async (method, path, headers, body, status) => {
  const all = { authorization: 'Bearer tok', 'windtunnel-version': VERSION, ...headers } as Record<string, string>;
  expect(await raw(method, path, all, body)).toBe(status);
});

test('the debugger of an app is a byte stream both ways, once its runner is there', async () => {
  const stream = await client().debug(APP.id);
  const heard = once(stream, 'data');
  stream.write('Content-Length: 2\r\n\r\n{}');
  expect(String((await heard)[0])).toBe('Content-Length: 2\r\n\r\n{}');
  const closed = once(stream, 'close');
  stream.end();
  await closed;
});

test('the debugger of an app without one is the typed error, and asks for the token as every call', async () => {
  await expect(client().debug('local/other')).rejects.toMatchObject({ code: 'E_NO_DEBUGGER' });
  await expect(client({ token: 'wrong' }).debug(APP.id)).rejects.toMatchObject({ code: 'E_UNAUTHORIZED' });
});
