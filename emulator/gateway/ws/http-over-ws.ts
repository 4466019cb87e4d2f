import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { type AppId, LIMITS, WindtunnelError } from '../../contract/index.ts';
import type { GatewayDeps } from '../deps.ts';
import { forRunner } from '../headers.ts';
import type { FidelityNotices } from '../notices.ts';
import type { Route } from '../route.ts';
import { withoutToken } from '../run/query.ts';
import type { UpgradeCall } from '../run/upgrade-call.ts';
import { WsCall } from './ws-call.ts';

/** What the messages of a connection are calls of. */
export interface WsTarget {
  app: AppId;
  /** Below the app, starting with `/`. */
  path: string;
  route: Route;
}

/**
 * `wss://ws.fal.run/<app>[/path]`: each message is the JSON body of one POST to the app. Calls run at the same time, as far
 * as the app has slots; the answers come in the order of the messages. Source: fal docs "websockets", fal SDK `apps.ws`.
 */
export function serveHttpOverWs(
  { req, socket, head }: UpgradeCall,
  deps: GatewayDeps,
  notices: FidelityNotices,
  { app, path, route }: WsTarget,
): void {
  const server = new WebSocketServer({ noServer: true, maxPayload: LIMITS.wsMessageBytes });
  const headers = forRunner(req.rawHeaders).filter(
    ([name]) => !name.startsWith('sec-websocket-') && name !== 'content-type',
  );
  const hint = req.headers['x-fal-runner-hint'];
  server.handleUpgrade(req, socket, head, (peer) => {
    answerMessages(peer, (message, signal) => {
      const call = new WsCall(peer, deps, notices, {
        app,
        path,
        target: path + withoutToken(route.query),
        headers: [...headers, ['content-type', 'application/json']],
        hint: typeof hint === 'string' ? hint : null,
        localForm: route.form === 'local',
      });
      return { sent: call.send(message, signal), answer: (turn) => call.answer(turn) };
    });
  });
}

interface Answering {
  /** Settles when the message need not be kept any more. */
  sent: Promise<unknown>;
  /** Answers once `turn` resolves; never rejects. */
  answer(turn: Promise<void>): Promise<void>;
}

/** Begins a call for each message and keeps their answers in order; holds the sender back past the limits. */
function answerMessages(peer: WebSocket, begin: (message: Buffer, signal: AbortSignal) => Answering): void {
  const leaving = new AbortController();
  let last = Promise.resolve();
  let calls = 0;
  let bytes = 0;
  const settle = (): void => {
    const full = calls >= LIMITS.wsCallsInFlight || bytes >= LIMITS.wsMessageBytes;
    if (full && !peer.isPaused) peer.pause();
    else if (!full && peer.isPaused) peer.resume();
  };
  peer.on('message', (data: RawData) => {
    const message = toBuffer(data);
    calls += 1;
    bytes += message.length;
    const { sent, answer } = begin(message, leaving.signal);
    void sent.finally(() => {
      bytes -= message.length;
      settle();
    });
    last = answer(last).finally(() => {
      calls -= 1;
      settle();
    });
    settle();
  });
  // The connection closes; what went wrong is the client's (a frame over the limit, no WebSocket at all) and it is told by the code.
  peer.on('error', () => peer.terminate());
  peer.on('close', () => leaving.abort(new WindtunnelError('E_CANCELLED', 'The client went away.')));
}

function toBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
