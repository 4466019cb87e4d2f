import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { type AppId, type ErrorType, toWindtunnelError, WindtunnelError } from '../../contract/index.ts';
import type { Lease } from '../../fleet/fleet.ts';
import type { GatewayDeps } from '../deps.ts';
import type { Exchange } from '../exchange.ts';
import { HttpFailure } from '../failure.ts';
import { FileUrlRewriter } from '../files/file-urls.ts';
import { forRunner } from '../headers.ts';
import { sendFailure } from '../respond.ts';
import { type AnswerHead, answerHead } from './answer-head.ts';
import { callHeaders } from './call-headers.ts';
import { type DirectBody, directBody } from './direct-body.ts';
import { withoutToken } from './query.ts';
import { abortType, connectionErrorType, runnerFailure } from './runner-errors.ts';
import { takeSlot } from './take-slot.ts';

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
  /** The app knows of the call. */
  private dispatched = false;
  private clientGone = false;
  private status: number | null = null;
  private head: AnswerHead | null = null;
  private rewriter: FileUrlRewriter | null = null;
  /** Pieces of an answer that is sent whole. */
  private readonly pieces: Buffer[] = [];

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
    let body: DirectBody | Promise<DirectBody> = null;
    try {
      body = directBody(req, this.deps.clock);
      [body, lease] = await Promise.all([body, this.takeSlot()]);
    } catch (error) {
      this.settled = true;
      if (body instanceof Readable) body.destroy();
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
    this.dispatched = true;
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
    const { req, res, route } = this.exchange;
    const call = { requestId: this.lease!.requestId, method: req.method ?? 'GET', localForm: route.form === 'local' };
    const head = answerHead(controller.rawHeaders, status, call);
    this.head = head;
    if (this.clientGone) {
      if (head.delivery === 'stream') controller.abort(new Error('The client went away.'));
      return;
    }
    if (head.rewrite) this.rewriter = new FileUrlRewriter(this.deps.publicUrl());
    if (head.delivery === 'whole') return;
    res.on('drain', this.onDrain);
    res.writeHead(status, head.headers);
    // The head of a stream must not wait for its first event.
    if (head.delivery === 'stream') res.flushHeaders();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.clientGone || this.settled) return;
    if (this.head?.delivery === 'whole') {
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
    const lease = await takeSlot(this.deps.fleet.direct, this.app, options);
    if (this.settled) lease.release({ status: null, error: 'client_disconnected' });
    this.lease = lease;
    return lease;
  }

  private requestHeaders(lease: Lease, body: DirectBody): string[] {
    const { req } = this.exchange;
    const flat = callHeaders(forRunner(req.rawHeaders), lease);
    // undici knows the length of a buffer; a stream's is the caller's, where it was told.
    const length = req.headers['content-length'];
    if (body !== null && !Buffer.isBuffer(body) && length !== undefined) flat.push('content-length', length);
    return flat;
  }

  private endAnswer(): void {
    const { res } = this.exchange;
    if (this.head?.delivery === 'whole') {
      const whole = this.pieces.length === 1 ? this.pieces[0]! : Buffer.concat(this.pieces);
      const bytes = this.rewriter!.whole(whole);
      this.head.headers.push('content-length', String(bytes.length));
      res.writeHead(this.status!, this.head.headers);
      res.end(bytes);
      return;
    }
    const tail = this.rewriter?.end() ?? null;
    if (tail === null) res.end();
    else res.end(tail);
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
    if (this.lease === null || !this.dispatched) {
      this.waiting.abort(new WindtunnelError('E_CANCELLED', 'The client went away.'));
      return;
    }
    this.controller?.resume();
    void this.cancelOnRunner(this.lease);
  };

  private async cancelOnRunner(lease: Lease): Promise<void> {
    try {
      await lease.cancelOnRunner(this.path);
    } catch (error) {
      this.deps.log.debug('cancel route failed', { error: toWindtunnelError(error).message });
    }
    // A stream has no end of its own to wait for: closing it is how the app learns.
    if (this.head?.delivery === 'stream') this.controller?.abort(new Error('The client went away.'));
  }

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
      responseHeaders: this.head?.all ?? [],
      ...(error === undefined ? {} : { error }),
    });
    this.settle();
  }
}
