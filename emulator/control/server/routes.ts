import type * as z from 'zod/mini';
import {
  type AppId,
  CONTROL_PATHS,
  DEBUG_PROTOCOL,
  type EmulatorEvent,
  type Grant,
  type GrantRequest,
  GrantRequestSchema,
  type Hello,
  PauseReloadSchema,
  ReplayRequestSchema,
  RunRequestSchema,
  SetSecretSchema,
  SHELL_PROTOCOL,
  StopRunnerSchema,
  toWindtunnelError,
  WindtunnelError,
} from '../../contract/index.ts';
import type { EventBus } from '../../core/event-bus.ts';
import type { Fleet, ManagedFleet } from '../../fleet/fleet.ts';
import { summaryOf } from '../../fleet/request-records.ts';
import { AppHolders } from '../apps/app-holders.ts';
import type { AppLauncher } from '../apps/app-launcher.ts';
import type { SecretStore } from '../secrets/secret-store.ts';
import type { Audience } from './audience.ts';
import { type ControlCall, type ControlRoute, type ControlUpgrade, callerLeft } from './control-server.ts';
import { logEntries } from './log-entries.ts';
import { PushQueue } from './push-queue.ts';
import { requestEvents } from './request-events.ts';

export interface ControlDeps {
  hello: () => Hello;
  fleet: Pick<Fleet, 'apps' | 'queue' | 'records'>;
  launcher: Pick<AppLauncher, 'register' | 'remove' | 'restart' | 'refresh' | 'pauseReload'>;
  secrets: SecretStore;
  events: EventBus;
  /** Counts who follows the events. */
  audience: Audience;
  grant: (request: GrantRequest) => Grant;
  /** Begins the end of the emulator; called after the answer was handed over. */
  shutdown: () => void;
}

/** Everything that the control API does. */
export function controlRoutes(deps: ControlDeps): ControlRoute[] {
  const { fleet, launcher, secrets, events } = deps;
  const holders = new AppHolders(launcher);
  const left = (holder: string) => {
    holders.leaveAll(holder).catch((thrown: unknown) => {
      const { message } = toWindtunnelError(thrown);
      events.emit({ type: 'emulator.notice', level: 'warn', code: 'remove', message });
    });
  };
  const app = `${CONTROL_PATHS.apps}/(?<owner>[^/]+)/(?<name>[^/]+)`;
  const secret = `${CONTROL_PATHS.secrets}/(?<name>[^/]+)`;
  const request = `${CONTROL_PATHS.requests}/(?<request>[^/]+)`;
  const requestOf = ({ request: id = '' }: ControlCall['params']) => {
    const record = fleet.records.find(id);
    if (record) return record;
    throw new WindtunnelError('E_UNKNOWN_REQUEST', `No queued request here has the id ${id}.`, {
      hint: 'Direct calls leave no record; `windtunnel logs` shows what was printed of late.',
    });
  };
  const viewOf = (id: AppId) => {
    const view = fleet.apps.get(id);
    if (!view) throw new WindtunnelError('E_UNKNOWN_APP', `No app ${id} runs here.`);
    return view;
  };
  return [
    route('GET', CONTROL_PATHS.hello, async () => deps.hello(), true),
    route('GET', CONTROL_PATHS.status, async () => ({
      ...deps.hello(),
      apps: fleet.apps.list(),
      gpus: fleet.apps.gpus(),
    })),
    route('POST', CONTROL_PATHS.apps, ({ query, body, signal }) =>
      holders.register(parse(RunRequestSchema, body), query.get('holder'), () => callerLeft(signal)),
    ),
    route('DELETE', app, async ({ params, query }) => {
      const holder = query.get('holder');
      await (holder === null ? holders.remove(idOf(params)) : holders.leave(idOf(params), holder));
      return OK;
    }),
    route('POST', `${app}/start`, async ({ params }) => {
      await fleet.apps.start(idOf(params));
      return viewOf(idOf(params));
    }),
    route('POST', `${app}/restart`, async ({ params }) => {
      await launcher.restart(idOf(params));
      return viewOf(idOf(params));
    }),
    route('POST', `${app}/reload`, async ({ params, body }) => {
      launcher.pauseReload(idOf(params), parse(PauseReloadSchema, body).paused);
      return OK;
    }),
    route('POST', `${CONTROL_PATHS.runners}/(?<runner>[^/]+)/stop`, async ({ params, body }) => {
      const { graceSeconds } = parse(StopRunnerSchema, body);
      return { stopped: await fleet.apps.stopRunner(params.runner ?? '', graceSeconds) };
    }),
    route('GET', CONTROL_PATHS.logs, ({ query, signal }) =>
      logEntries({ fleet, events }, { of: query.get('of'), follow: query.get('follow') === '1' }, signal),
    ),
    route('GET', CONTROL_PATHS.requests, async ({ query }) => {
      const limit = Math.min(Number(query.get('limit')) || REQUESTS_LISTED, MAX_REQUESTS_LISTED);
      return { requests: fleet.records.list(limit, query.get('app') ?? undefined) };
    }),
    route('GET', request, async ({ params }) => fleet.records.document(requestOf(params))),
    route('GET', `${request}/events`, ({ params, query, signal }) =>
      requestEvents(fleet, requestOf(params), query.get('follow') === '1', signal),
    ),
    route('POST', `${request}/replay`, async ({ params, body }) => {
      const original = requestOf(params);
      const again = await fleet.records.replay(original, parse(ReplayRequestSchema, body).edit);
      return { id: original.id, replay: summaryOf(again) };
    }),
    route('GET', CONTROL_PATHS.events, ({ query, signal }) => {
      deps.audience.join(signal);
      const holder = query.get('holder');
      // The end of a holder that says no goodbye. What an ending emulator serves is the next one's to serve.
      if (holder !== null) {
        signal.addEventListener('abort', () => callerLeft(signal) && left(holder), { once: true });
      }
      return eventsSince(events, query.get('replay') === '1', signal);
    }),
    route('GET', CONTROL_PATHS.secrets, async () => ({ secrets: secrets.list() })),
    route('PUT', secret, async ({ params, body }) => {
      const name = params.name ?? '';
      secrets.set(name, parse(SetSecretSchema, body).value);
      // Not waited for: new runners may take minutes, and tell by events what becomes of them.
      void launcher.refresh(`secret ${name} was set`);
      return OK;
    }),
    route('DELETE', secret, async ({ params }) => {
      const name = params.name ?? '';
      if (secrets.unset(name)) void launcher.refresh(`secret ${name} was removed`);
      return OK;
    }),
    route('POST', CONTROL_PATHS.grants, async ({ body }) => deps.grant(parse(GrantRequestSchema, body))),
    route(
      'POST',
      CONTROL_PATHS.shutdown,
      async () => {
        // After the answer has left: the end closes this very connection.
        setImmediate(deps.shutdown);
        return OK;
      },
      true,
    ),
  ];
}

const REQUESTS_LISTED = 100;
const MAX_REQUESTS_LISTED = 10_000;

/** The streams of the control API. */
export function controlUpgrades(fleet: {
  apps: Pick<Fleet['apps'], 'debug'>;
  management: Pick<ManagedFleet['management'], 'shell'>;
}): ControlUpgrade[] {
  return [
    {
      path: new RegExp(`^${CONTROL_PATHS.runners}/(?<runner>[^/]+)/shell$`),
      protocol: SHELL_PROTOCOL,
      open: (params) => fleet.management.shell(params.runner ?? ''),
    },
    {
      path: new RegExp(`^${CONTROL_PATHS.apps}/(?<owner>[^/]+)/(?<name>[^/]+)/debug$`),
      protocol: DEBUG_PROTOCOL,
      open: (params) => fleet.apps.debug(idOf(params)),
    },
  ];
}

const OK = { ok: true } as const;

function route(method: string, path: string, handle: ControlRoute['handle'], anyVersion = false): ControlRoute {
  return { method, path: new RegExp(`^${path}$`), handle, anyVersion };
}

const idOf = (params: ControlCall['params']): AppId => `${params.owner ?? ''}/${params.name ?? ''}`;

function parse<S extends z.core.$ZodType>(
  schema: S & { safeParse(data: unknown): z.core.util.SafeParseResult<z.core.output<S>> },
  body: unknown,
): z.core.output<S> {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue?.path.map(String).join('.') || 'the body';
  throw new WindtunnelError('E_BAD_REQUEST', `The control call is malformed: ${where}: ${issue?.message ?? 'invalid'}`);
}

async function* eventsSince(events: EventBus, replay: boolean, signal: AbortSignal): AsyncGenerator<EmulatorEvent> {
  const queue = new PushQueue<EmulatorEvent>(signal);
  if (replay) for (const event of events.recent()) queue.push(event);
  const subscription = events.on((event) => queue.push(event));
  try {
    yield* queue;
  } finally {
    await subscription.dispose();
  }
}
