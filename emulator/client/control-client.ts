// Long: one method for each call of the control API.
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type * as z from 'zod/mini';
import {
  type AppId,
  type AppStatus,
  AppStatusSchema,
  CONTROL_HEADERS,
  CONTROL_PATHS,
  DEBUG_PROTOCOL,
  type EmulatorEvent,
  ErrorAnswerSchema,
  EventSchema,
  type Grant,
  type GrantRequest,
  GrantSchema,
  type Hello,
  HelloSchema,
  type LogEntry,
  LogEntrySchema,
  OkSchema,
  type ReplayAnswer,
  ReplayAnswerSchema,
  type RequestDocument,
  RequestDocumentSchema,
  RequestListSchema,
  type RequestSummary,
  type RunAnswer,
  RunAnswerSchema,
  type RunRequest,
  type SecretInfo,
  SecretListSchema,
  SHELL_PROTOCOL,
  type Status,
  StatusSchema,
  StopRunnerAnswerSchema,
  VERSION,
  WindtunnelError,
} from '../contract/index.ts';
import { sseData } from './sse.ts';

export interface ControlTarget {
  socket: string;
  token: string;
  /** Sent as this side's version; tests set another. */
  version?: string;
}

export interface LogQuery {
  /** `owner/name`, a bare app name, a request id or a runner id. Null: everything. */
  of: string | null;
  follow: boolean;
}

/** Typed client of the control API. Each call rejects with the emulator's own typed error, or E_EMULATOR_DOWN. */
export class ControlClient {
  private readonly target: ControlTarget;

  constructor(target: ControlTarget) {
    this.target = target;
  }

  hello(): Promise<Hello> {
    return this.call('GET', CONTROL_PATHS.hello, HelloSchema);
  }

  status(): Promise<Status> {
    return this.call('GET', CONTROL_PATHS.status, StatusSchema);
  }

  /**
   * Registers an app; its runner starts with `start` or the first request. With a `holder`, a name of the caller's own, the app
   * goes with the last of its holders: by `remove`, or when the `events` of that holder close. Without one it stays.
   */
  run(request: RunRequest, signal?: AbortSignal, holder?: string): Promise<RunAnswer> {
    return this.call('POST', CONTROL_PATHS.apps + held('?', holder), RunAnswerSchema, request, signal);
  }

  /** Takes an app away; with a `holder` only if no other one holds it. */
  async remove(app: AppId, holder?: string): Promise<void> {
    await this.call('DELETE', `${CONTROL_PATHS.apps}/${app}${held('?', holder)}`, OkSchema);
  }

  /** Starts a runner unless one serves; resolves when one is ready, rejects with the app's own start error. */
  start(app: AppId, signal?: AbortSignal): Promise<AppStatus> {
    return this.call('POST', `${CONTROL_PATHS.apps}/${app}/start`, AppStatusSchema, {}, signal);
  }

  /** Reads the app's source anew and replaces its runners. */
  restart(app: AppId): Promise<AppStatus> {
    return this.call('POST', `${CONTROL_PATHS.apps}/${app}/restart`, AppStatusSchema, {});
  }

  /** Whether a saved file of the app waits for the end of a pause. */
  async pauseReload(app: AppId, paused: boolean): Promise<void> {
    await this.call('POST', `${CONTROL_PATHS.apps}/${app}/reload`, OkSchema, { paused });
  }

  /**
   * The Debug Adapter Protocol of an app that was registered with `debug`, once its runner exists. Rejects with E_NO_DEBUGGER or why
   * it cannot start.
   */
  debug(app: AppId, signal?: AbortSignal): Promise<Duplex> {
    return this.upgraded(`${CONTROL_PATHS.apps}/${app}/debug`, DEBUG_PROTOCOL, signal);
  }

  /** A command beside the app of a runner, spoken to in frames (see runner/shell.py). Rejects with E_UNKNOWN_RUNNER. */
  shell(runner: string, signal?: AbortSignal): Promise<Duplex> {
    return this.upgraded(`${CONTROL_PATHS.runners}/${encodeURIComponent(runner)}/shell`, SHELL_PROTOCOL, signal);
  }

  /** False when no such runner lives. */
  async stopRunner(runner: string, graceSeconds?: number): Promise<boolean> {
    const body = graceSeconds === undefined ? {} : { graceSeconds };
    const path = `${CONTROL_PATHS.runners}/${encodeURIComponent(runner)}/stop`;
    return (await this.call('POST', path, StopRunnerAnswerSchema, body)).stopped;
  }

  /** Lines oldest first; with `follow` until the signal aborts or the emulator ends. */
  logs(query: LogQuery, signal: AbortSignal): AsyncGenerator<LogEntry> {
    const params = new URLSearchParams({ follow: query.follow ? '1' : '0' });
    if (query.of !== null) params.set('of', query.of);
    return this.stream(`${CONTROL_PATHS.logs}?${params}`, LogEntrySchema, signal);
  }

  /** Every event from now on; with `replay` the recent ones first. Ends when the signal aborts or the emulator ends. */
  events(options: { replay: boolean; holder?: string }, signal: AbortSignal): AsyncGenerator<EmulatorEvent> {
    const query = `?replay=${options.replay ? 1 : 0}${held('&', options.holder)}`;
    return this.stream(CONTROL_PATHS.events + query, EventSchema, signal);
  }

  /** The newest queued requests first. */
  async requests(query: { app?: string; limit?: number } = {}): Promise<RequestSummary[]> {
    const params = new URLSearchParams();
    if (query.app !== undefined) params.set('app', query.app);
    if (query.limit !== undefined) params.set('limit', String(query.limit));
    return (await this.call('GET', `${CONTROL_PATHS.requests}?${params}`, RequestListSchema)).requests;
  }

  /** The whole story of a queued request, by its id or the first eight characters of it. */
  request(id: string): Promise<RequestDocument> {
    return this.call('GET', `${CONTROL_PATHS.requests}/${encodeURIComponent(id)}`, RequestDocumentSchema);
  }

  /** The story so far; with `follow` also what is to come, to the result. */
  requestEvents(id: string, follow: boolean, signal: AbortSignal): AsyncGenerator<EmulatorEvent> {
    const path = `${CONTROL_PATHS.requests}/${encodeURIComponent(id)}/events?follow=${follow ? 1 : 0}`;
    return this.stream(path, EventSchema, signal);
  }

  /** Submits a recorded request again, its input with a JSON merge patch where `edit` is given. */
  replay(id: string, edit?: { patch: unknown }): Promise<ReplayAnswer> {
    const path = `${CONTROL_PATHS.requests}/${encodeURIComponent(id)}/replay`;
    return this.call('POST', path, ReplayAnswerSchema, edit === undefined ? {} : { edit });
  }

  async secrets(): Promise<SecretInfo[]> {
    return (await this.call('GET', CONTROL_PATHS.secrets, SecretListSchema)).secrets;
  }

  async setSecret(name: string, value: string): Promise<void> {
    await this.call('PUT', `${CONTROL_PATHS.secrets}/${encodeURIComponent(name)}`, OkSchema, { value });
  }

  async unsetSecret(name: string): Promise<void> {
    await this.call('DELETE', `${CONTROL_PATHS.secrets}/${encodeURIComponent(name)}`, OkSchema);
  }

  grant(request: GrantRequest): Promise<Grant> {
    return this.call('POST', CONTROL_PATHS.grants, GrantSchema, request);
  }

  /** Asks the emulator to end; resolves once it has begun to. */
  async shutdown(): Promise<void> {
    await this.call('POST', CONTROL_PATHS.shutdown, OkSchema, {});
  }

  private async upgraded(path: string, protocol: string, signal?: AbortSignal): Promise<Duplex> {
    const answer = await this.send('GET', path, undefined, signal, { connection: 'Upgrade', upgrade: protocol });
    if (!('socket' in answer && answer.statusCode === 101)) {
      throw answeredError(answer.statusCode ?? 0, await textOf(answer));
    }
    return answer.socket;
  }

  private async call<S extends z.core.$ZodType>(
    method: string,
    path: string,
    schema: S & { parse(data: unknown): z.core.output<S> },
    body?: unknown,
    signal?: AbortSignal,
  ): Promise<z.core.output<S>> {
    const response = await this.send(method, path, body, signal);
    const text = await textOf(response);
    if (response.statusCode !== 200) throw answeredError(response.statusCode ?? 0, text);
    return schema.parse(JSON.parse(text));
  }

  private async *stream<S extends z.core.$ZodType>(
    path: string,
    schema: S & { parse(data: unknown): z.core.output<S> },
    signal: AbortSignal,
  ): AsyncGenerator<z.core.output<S>> {
    const response = await this.send('GET', path, undefined, signal);
    if (response.statusCode !== 200) throw answeredError(response.statusCode ?? 0, await textOf(response));
    try {
      for await (const data of sseData(response)) yield schema.parse(JSON.parse(data));
    } catch (error) {
      // A cut stream is how the emulator's end (or our own abort) looks from here; anything else is an error.
      if (signal.aborted || isConnectionEnd(error)) return;
      throw error;
    } finally {
      response.destroy();
    }
  }

  private send(
    method: string,
    path: string,
    body?: unknown,
    signal?: AbortSignal,
    headers: Record<string, string> = {},
  ): Promise<IncomingMessage> {
    const payload = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const request = httpRequest(
        {
          socketPath: this.target.socket,
          method,
          path,
          agent: false,
          headers: {
            host: 'windtunnel',
            ...headers,
            authorization: `Bearer ${this.target.token}`,
            [CONTROL_HEADERS.version]: this.target.version ?? VERSION,
            ...(payload === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
          },
          ...(signal ? { signal } : {}),
        },
        resolve,
      );
      request.on('upgrade', (response, socket, head) => {
        if (head.length > 0) socket.unshift(head);
        resolve(response);
      });
      request.on('error', (error) => reject(signal?.aborted ? signal.reason : unreachable(error)));
      request.end(payload);
    });
  }
}

const held = (sign: '?' | '&', holder: string | undefined): string =>
  holder === undefined ? '' : `${sign}holder=${encodeURIComponent(holder)}`;

const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new WindtunnelError('E_INTERNAL', 'The answer of the control API is too large.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function answeredError(status: number, text: string): WindtunnelError {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch (cause) {
    return new WindtunnelError('E_INTERNAL', `The control API answered ${status} without a typed error.`, { cause });
  }
  const parsed = ErrorAnswerSchema.safeParse(answer);
  if (!parsed.success) return new WindtunnelError('E_INTERNAL', `The control API answered ${status}: ${text}`);
  const { code, message, hint, actions, detail } = parsed.data.error;
  return new WindtunnelError(code, message, {
    ...(hint === undefined ? {} : { hint }),
    ...(actions === undefined ? {} : { actions }),
    ...(detail === undefined ? {} : { detail }),
  });
}

function unreachable(cause: Error): WindtunnelError {
  if (!isConnectionEnd(cause)) return new WindtunnelError('E_INTERNAL', cause.message, { cause });
  return new WindtunnelError('E_EMULATOR_DOWN', 'The emulator of this workspace does not answer.', {
    hint: 'Start it with `windtunnel up` or `windtunnel run FILE.py`.',
    actions: ['windtunnel up'],
    cause,
  });
}

const CONNECTION_ENDS = new Set(['ECONNREFUSED', 'ENOENT', 'ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

/** The other side is not there, or went away: by the system's codes, or undici's. */
export function isConnectionEnd(error: unknown): boolean {
  return error instanceof Error && 'code' in error && CONNECTION_ENDS.has(String(error.code));
}
