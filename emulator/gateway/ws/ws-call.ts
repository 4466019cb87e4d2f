import { randomUUID } from 'node:crypto';
import type { Dispatcher } from 'undici';
import type { WebSocket } from 'ws';
import { type AppId, type ErrorType, type HeaderList, toWindtunnelError } from '../../contract/index.ts';
import type { Lease } from '../../fleet/fleet.ts';
import type { GatewayDeps } from '../deps.ts';
import { failureBody, failureHeaders, HttpFailure, toFailure } from '../failure.ts';
import { FileUrlRewriter, holdsFileUrls } from '../files/file-urls.ts';
import { isRelayed } from '../headers.ts';
import type { FidelityNotices } from '../notices.ts';
import { callHeaders } from '../run/call-headers.ts';
import { abortType, connectionErrorType, runnerFailure } from '../run/runner-errors.ts';
import { takeSlot } from '../run/take-slot.ts';

export interface WsCallOptions {
  app: AppId;
  /** Below the app, starting with `/`. */
  path: string;
  /** The same with its query. */
  target: string;
  /** For the runner. */
  headers: HeaderList;
  hint: string | null;
  /** File URLs in the answer take their loopback form. */
  localForm: boolean;
}

/** How the runner's answer came out; failures of the platform have no `response`. */
type Outcome = { response: Dispatcher.ResponseData; firstByteSeconds: number } | { failure: HttpFailure };

/** One message of an HTTP-over-WebSocket connection: a call of the app, answered by `start`, body frames and `end`. */
export class WsCall {
  private readonly peer: WebSocket;
  private readonly deps: GatewayDeps;
  private readonly notices: FidelityNotices;
  private readonly options: WsCallOptions;
  private lease: Lease | null = null;
  private outcome: Promise<Outcome> | null = null;
  private gone = false;
  private release: Lease['release'] = () => undefined;

  constructor(peer: WebSocket, deps: GatewayDeps, notices: FidelityNotices, options: WsCallOptions) {
    this.peer = peer;
    this.deps = deps;
    this.notices = notices;
    this.options = options;
  }

  /** Takes a slot and sends the call. Resolves when the app has begun to answer, or can't. */
  send(message: Buffer, signal: AbortSignal): Promise<unknown> {
    this.outcome = this.exchange(message, signal).catch((thrown: unknown) => ({ failure: this.toFailure(thrown) }));
    return this.outcome;
  }

  /** Sends the answer when those before it are out. */
  async answer(turn: Promise<void>): Promise<void> {
    const outcome = await this.outcome!;
    await turn;
    if ('failure' in outcome) await this.answerFailure(outcome.failure);
    else await this.answerResponse(outcome.response, outcome.firstByteSeconds);
  }

  private async exchange(message: Buffer, signal: AbortSignal): Promise<Outcome> {
    const { clock, fleet } = this.deps;
    const { app, path, target, headers, hint } = this.options;
    const begun = clock.monotonic();
    signal.throwIfAborted();
    const lease = await takeSlot(fleet.direct, app, { path, hint, signal });
    this.lease = lease;
    // A direct call whose client leaves is cancelled (docs, "handle cancellations").
    signal.addEventListener('abort', this.onGone);
    this.release = (report) => {
      signal.removeEventListener('abort', this.onGone);
      lease.release(report);
    };
    if (signal.aborted) this.onGone();
    try {
      const response = await lease.dispatcher.request({
        origin: 'http://runner',
        path: target,
        method: 'POST',
        headers: callHeaders(headers, lease),
        body: message,
        signal: lease.signal,
        // The app's request_timeout is the fleet's to watch, by its own clock.
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      return { response, firstByteSeconds: (clock.monotonic() - begun) / 1000 };
    } catch (thrown) {
      const error = this.errorType(thrown, false);
      this.release({ status: null, error });
      throw runnerFailure(error);
    }
  }

  private async answerResponse(response: Dispatcher.ResponseData, firstByteSeconds: number): Promise<void> {
    const lease = this.lease!;
    const { statusCode: status, body } = response;
    const all = headerList(response.headers);
    const relayed = all.filter(([name]) => isRelayed(name, status));
    const type = relayed.find(([name]) => name === 'content-type')?.[1];
    const encoded = relayed.some(([name]) => name === 'content-encoding');
    const rewrite = this.options.localForm && !encoded && holdsFileUrls(type);
    const rewriter = rewrite ? new FileUrlRewriter(this.deps.publicUrl()) : null;
    let error: ErrorType | undefined;
    try {
      await this.sendMeta({ type: 'start', request_id: lease.requestId, status, headers: toObject(relayed) });
      for await (const chunk of body as AsyncIterable<Buffer>) {
        // Of a length that was told: the app comes to its end by itself, and its slot is taken until then.
        if (this.gone && response.headers['content-length'] !== undefined) continue;
        if (this.gone) break;
        await this.sendBytes(rewriter === null ? chunk : rewriter.push(chunk));
      }
      const tail = rewriter?.end() ?? null;
      if (tail !== null) await this.sendBytes(tail);
      const time = { time_to_first_byte_seconds: firstByteSeconds };
      await this.sendMeta({ type: 'end', request_id: lease.requestId, status, ...time });
    } catch (thrown) {
      error = this.errorType(thrown, true);
      // An answer that broke off must not look complete. Source of the code: RFC 6455 §7.4.1, "internal error".
      this.peer.close(1011, error);
    } finally {
      this.release({
        status,
        responseHeaders: all,
        ...(error === undefined ? (this.gone ? { error: 'client_disconnected' } : {}) : { error }),
      });
    }
  }

  private async answerFailure(failure: HttpFailure): Promise<void> {
    if (this.gone) return;
    const { status } = failure;
    const request_id = this.lease?.requestId ?? randomUUID();
    const headers = toObject([['content-type', 'application/json'], ...failureHeaders(failure)]);
    await this.sendMeta({ type: 'start', request_id, status, headers });
    await this.sendBytes(Buffer.from(JSON.stringify(failureBody(failure))));
    await this.sendMeta({ type: 'end', request_id, status, time_to_first_byte_seconds: null });
  }

  private readonly onGone = (): void => {
    this.gone = true;
    this.lease
      ?.cancelOnRunner(this.options.path)
      .catch((error: unknown) =>
        this.deps.log.debug('cancel route failed', { error: toWindtunnelError(error).message }),
      );
  };

  private errorType(thrown: unknown, begun: boolean): ErrorType {
    if (this.gone) return 'client_disconnected';
    const lease = this.lease!;
    if (lease.signal.aborted) return abortType(lease.signal.reason);
    return connectionErrorType(thrown instanceof Error ? thrown : new Error(String(thrown)), begun);
  }

  private toFailure(thrown: unknown): HttpFailure {
    const failure = thrown instanceof HttpFailure ? thrown : toFailure(thrown);
    this.notices.tell(failure);
    if (failure.error.kind === 'system') {
      this.deps.log.error('a call over a websocket failed', { error: failure.error.stack ?? failure.message });
    }
    return failure;
  }

  // JSON in a text frame is a control message to the clients, so bodies are always binary. Source: fal SDK `apps.py`, `_is_meta`.
  private sendMeta(message: Record<string, unknown>): Promise<void> {
    return this.frame(JSON.stringify(message));
  }

  private sendBytes(bytes: Buffer): Promise<void> {
    return bytes.length === 0 ? Promise.resolve() : this.frame(bytes);
  }

  /** Resolves when the frame is on its way, so that a slow client holds the app back; at once when the client has left. */
  private frame(data: string | Buffer): Promise<void> {
    return new Promise((resolve) => {
      this.peer.send(data, { binary: typeof data !== 'string' }, () => resolve());
    });
  }
}

function headerList(headers: Dispatcher.ResponseData['headers']): HeaderList {
  return Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((one): [string, string] => [name, one]),
  );
}

/** Headers as a JSON object; one that stands several times is joined, as HTTP allows. */
function toObject(headers: HeaderList): Record<string, string> {
  const object: Record<string, string> = {};
  for (const [name, value] of headers) object[name] = name in object ? `${object[name]}, ${value}` : value;
  return object;
}
