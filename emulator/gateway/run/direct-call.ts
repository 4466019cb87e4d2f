import type { Dispatcher } from 'undici';
import {
  type AppId,
  type ErrorType,
  type HeaderList,
  toWindtunnelError,
  WindtunnelError,
} from '../../contract/index.ts';
import type { Lease } from '../../fleet/fleet.ts';
import type { GatewayDeps } from '../deps.ts';
import type { Exchange } from '../exchange.ts';
import { HttpFailure } from '../failure.ts';
import { FileUrlRewriter, holdsFileUrls } from '../files/file-urls.ts';
import { forRunner, isRelayed } from '../headers.ts';
import { sendFailure } from '../respond.ts';
import { type DirectBody, directBody } from './direct-body.ts';
import { withoutToken } from './query.ts';
import { abortType, connectionErrorType, runnerFailure } from './runner-errors.ts';

/** Answers up to here whose file URLs are rewritten are sent whole, with their length. */
const WHOLE_ANSWER_BYTES = 256 * 1024;
const LIFECYCLE = 'x-fal-object-lifecycle-preference';

/**
 * One direct call: takes a slot, passes the bytes both ways unparsed, gives the slot back. It is undici's handler itself,
 * so that the hot path makes no stream, promise or buffer per chunk.
 */
export class DirectCall implements Dispatcher.DispatchHandler {
  private readonly exchange: Exchange;
  private readonly deps: GatewayDeps;
  private readonly app: AppId;
  private readonly path: string;
  private readonly target: string;
  private readonly waiting = new AbortController();
  private lease: Lease | null = null;
  private controller: Dispatcher.DispatchController | null = null;
  private settle: () => void = () => undefined;
  private settled = false;
  private clientGone = false;
  private status: number | null = null;
  private responseHeaders: HeaderList = [];
  private head: string[] = [];
  /** Length of the answer's body: null = a stream, `''` = no body. */
  private length: string | null = null;
  private rewriter: FileUrlRewriter | null = null;
  /** Pieces of an answer that is sent whole; null where it streams. */
  private pieces: Buffer[] | null = null;

  constructor(exchange: Exchange, deps: GatewayDeps, app: AppId, path: string) {
    this.exchange = exchange;
    this.deps = deps;
    this.app = app;
    this.path = path;
    this.target = path + withoutToken(exchange.route.query);
  }

  /** Resolves when the call is over, answered or not; rejects with what stands before a slot was taken. */
  async run(): Promise<void> {
    const { req, res } = this.exchange;
    res.once('close', this.onClientClose);
    let lease: Lease;
    let body: DirectBody;
    try {
      [body, lease] = await Promise.all([directBody(req, this.deps.clock), this.takeSlot()]);
    } catch (error) {
      this.settled = true;
      // Whichever of the two is still under way ends too: a slot that comes late is given back at once.
      this.waiting.abort(error);
      this.lease?.release({ status: null, error: 'client_disconnected' });
      if (!this.clientGone) throw error;
      return;
    }
    if (this.clientGone) {
      this.finish('client_disconnected');
      return;
    }
    lease.signal.addEventListener('abort', this.onLeaseAbort);
    if (lease.signal.aborted) {
      this.onLeaseAbort();
      return;
    }
    const over = new Promise<void>((resolve) => {
      this.settle = resolve;
    });
    lease.dispatcher.dispatch(
      {
        origin: 'http://runner',
        path: this.target,
        method: req.method ?? 'GET',
        headers: this.requestHeaders(lease, body),
        body,
        // The app's request_timeout is the fleet's to watch, by its own clock.
        headersTimeout: 0,
        bodyTimeout: 0,
      },
      this,
    );
    await over;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.settled) controller.abort(new Error('The call is over.'));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (status < 200 || this.settled) return;
    this.status = status;
    this.head = this.relayedHead(controller.rawHeaders, status);
    if (this.clientGone) {
      // A stream has no end of its own to wait for: closing it is how the app learns.
      if (this.length === null) controller.abort(new Error('The client went away.'));
      return;
    }
    if (this.pieces !== null) return;
    const { res } = this.exchange;
    res.on('drain', this.onDrain);
    res.writeHead(status, this.head);
    // The head of a stream must not wait for its first event.
    if (this.length === null) res.flushHeaders();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.clientGone || this.settled) return;
    if (this.pieces !== null) {
      this.pieces.push(chunk);
      return;
    }
    const bytes = this.rewriter === null ? chunk : this.rewriter.push(chunk);
    if (bytes.length > 0 && !this.exchange.res.write(bytes)) controller.pause();
  }

  onResponseEnd(): void {
    if (this.settled) return;
    if (!this.clientGone) this.endAnswer();
    this.finish(this.clientGone ? 'client_disconnected' : undefined);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (error instanceof HttpFailure) {
      this.fail(error, 'client_disconnected');
      return;
    }
    const type = connectionErrorType(error, this.status !== null);
    this.fail(runnerFailure(type), type);
  }

  private async takeSlot(): Promise<Lease> {
    const hint = this.exchange.req.headers['x-fal-runner-hint'];
    const options = { path: this.path, hint: typeof hint === 'string' ? hint : null, signal: this.waiting.signal };
    try {
      const lease = await this.deps.fleet.direct.lease(this.app, options);
      if (this.settled) lease.release({ status: null, error: 'client_disconnected' });
      this.lease = lease;
      return lease;
    } catch (thrown) {
      const error = toWindtunnelError(thrown);
      if (error.code !== 'E_LIMIT') throw thrown;
      // Source: fal docs, "concurrency limits".
      throw new HttpFailure(429, error, { type: 'concurrent_requests_limit', headers: [['x-fal-needs-retry', '1']] });
    }
  }

  private requestHeaders(lease: Lease, body: DirectBody): string[] {
    const { req } = this.exchange;
    const flat: string[] = [];
    let lifecycle = false;
    for (const [name, value] of forRunner(req.rawHeaders)) {
      if (name === LIFECYCLE) lifecycle = true;
      flat.push(name, value);
    }
    for (const [name, value] of lease.headers) {
      if (!(lifecycle && name.toLowerCase() === LIFECYCLE)) flat.push(name, value);
    }
    // undici knows the length of a buffer; a stream's is the caller's, where it was told.
    const length = req.headers['content-length'];
    if (body !== null && !Buffer.isBuffer(body) && length !== undefined) flat.push('content-length', length);
    return flat;
  }

  /** The head of the answer as a flat list; decides how the body goes out. */
  private relayedHead(raw: Dispatcher.DispatchController['rawHeaders'], status: number): string[] {
    const head: string[] = ['x-fal-request-id', this.lease!.requestId];
    const { req, route } = this.exchange;
    let contentType: string | undefined;
    let length: string | null = req.method === 'HEAD' || status === 204 || status === 304 ? '' : null;
    let encoded = false;
    for (const [name, value] of headerPairs(raw)) {
      this.responseHeaders.push([name, value]);
      if (!isRelayed(name, status)) continue;
      if (name === 'content-type') contentType = value;
      else if (name === 'content-encoding') encoded = true;
      else if (name === 'content-length') {
        length ??= value;
        continue;
      }
      head.push(name, value);
    }
    if (length !== '' && route.form === 'local' && !encoded && holdsFileUrls(contentType)) {
      this.rewriter = new FileUrlRewriter(this.deps.publicUrl());
      if (length !== null && Number(length) <= WHOLE_ANSWER_BYTES) this.pieces = [];
      else length = null;
    } else if (length !== null && length !== '') head.push('content-length', length);
    this.length = length;
    return head;
  }

  private endAnswer(): void {
    const { res } = this.exchange;
    const tail = this.rewriter?.end() ?? null;
    if (this.pieces === null) {
      if (tail === null) res.end();
      else res.end(tail);
      return;
    }
    const whole = this.pieces.length === 1 ? this.pieces[0]! : Buffer.concat(this.pieces);
    const bytes = this.rewriter!.whole(whole);
    this.head.push('content-length', String(bytes.length));
    res.writeHead(this.status!, this.head);
    res.end(bytes);
  }

  private readonly onDrain = (): void => {
    this.controller?.resume();
  };

  private readonly onLeaseAbort = (): void => {
    const type = abortType(this.lease?.signal.reason);
    this.fail(runnerFailure(type), type);
  };

  /** A direct call whose client leaves is cancelled (docs, "handle cancellations"); its slot is free when the app is done. */
  private readonly onClientClose = (): void => {
    if (this.settled) return;
    this.clientGone = true;
    const { lease } = this;
    if (lease === null) {
      this.waiting.abort(new WindtunnelError('E_CANCELLED', 'The client went away.'));
      return;
    }
    this.controller?.resume();
    const stream = this.status !== null && this.length === null;
    lease.cancelOnRunner(this.path).then(
      () => {
        if (stream) this.controller?.abort(new Error('The client went away.'));
      },
      (error: unknown) => {
        this.deps.log.debug('cancel route failed', { error: toWindtunnelError(error).message });
        if (stream) this.controller?.abort(new Error('The client went away.'));
      },
    );
  };

  private fail(failure: HttpFailure, type: ErrorType): void {
    if (this.settled) return;
    if (!this.clientGone) {
      const { res } = this.exchange;
      if (!res.headersSent) {
        res.setHeader('x-fal-request-id', this.lease!.requestId);
        this.status = failure.status;
      }
      sendFailure(res, failure);
    }
    this.finish(this.clientGone ? 'client_disconnected' : type);
    this.controller?.abort(failure);
  }

  private finish(error: ErrorType | undefined): void {
    this.settled = true;
    const { lease } = this;
    if (lease === null) return;
    lease.signal.removeEventListener('abort', this.onLeaseAbort);
    lease.release({
      status: this.status,
      responseHeaders: this.responseHeaders,
      ...(error === undefined ? {} : { error }),
    });
    this.settle();
  }
}

function* headerPairs(raw: Dispatcher.DispatchController['rawHeaders']): Generator<[string, string]> {
  if (!Array.isArray(raw)) return;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    yield [text(raw[i]!).toLowerCase(), text(raw[i + 1]!)];
  }
}

// Bytes of a header go through as they are; Node writes strings as latin1.
function text(value: Buffer | string): string {
  return typeof value === 'string' ? value : value.toString('latin1');
}
