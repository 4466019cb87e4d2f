import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { ConnectionContext } from '../../../emulator/gateway/port/port.ts';

/** One request or WebSocket handshake that reached the port. */
export interface Arrival {
  host: string;
  path: string;
  via: ConnectionContext['via'];
  tls: boolean;
  authorization: string | null;
  websocket: boolean;
}

/** Just enough of fal's data plane, by its wire contract, to content every official client. It runs nothing. */
export function createStub() {
  const arrivals: Arrival[] = [];
  const sockets = new WebSocketServer({ noServer: true });

  function note(request: IncomingMessage, context: ConnectionContext, websocket: boolean): URL {
    const host = request.headers.host ?? '';
    const url = new URL(request.url ?? '/', `https://${host}`);
    const { via, tls } = context;
    arrivals.push({
      host: url.hostname,
      path: url.pathname,
      via,
      tls,
      authorization: request.headers.authorization ?? null,
      websocket,
    });
    return url;
  }

  async function onRequest(request: IncomingMessage, response: ServerResponse, context: ConnectionContext) {
    const url = note(request, context, false);
    for await (const _ of request);
    const answer = (status: number, body: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json', 'x-fal-request-id': 'request-1' });
      response.end(JSON.stringify(body));
    };
    const events = (...list: unknown[]) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(list.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(''));
    };
    const file = 'https://v3.fal.media/files/stub/file.bin';
    const queued = /^(\/[^/]+\/[^/]+)\/requests\/([^/]+)(\/status\/stream|\/status|\/cancel)?\/?$/.exec(url.pathname);
    if (queued) {
      const completed = { ...urls(`${url.origin}${queued[1]}`), status: 'COMPLETED', logs: [], metrics: {} };
      if (queued[3] === '/status/stream') return events(completed);
      if (queued[3] === '/status') return answer(200, completed);
      if (queued[3] === '/cancel') return answer(202, { status: 'CANCELLATION_REQUESTED' });
      return answer(200, { answer: 'queued' });
    }
    if (url.pathname === '/tokens/') return answer(200, 'a-token');
    if (url.pathname === '/storage/auth/token') {
      const expires = '2099-01-01T00:00:00+00:00';
      return answer(200, { token: 't', token_type: 'Bearer', base_url: 'https://v3.fal.media', expires_at: expires });
    }
    if (url.pathname === '/storage/upload/initiate') return answer(200, { upload_url: `${file}?put`, file_url: file });
    if (url.pathname === '/files/upload') return answer(200, { access_url: file });
    if (url.pathname.startsWith('/users/')) {
      const user = { user_id: 'u', nickname: 'local', username: 'local', full_name: 'Local', is_personal: true };
      return answer(200, { ...user, is_locked: false, lock_reason: null });
    }
    if (url.pathname.endsWith('/stream')) return events({ step: 1 }, { step: 2 });
    if (url.hostname.startsWith('queue.') && request.method === 'POST') {
      return answer(200, { ...urls(`${url.origin}${url.pathname}`), status: 'IN_QUEUE', queue_position: 0 });
    }
    answer(200, { answer: 'direct', host: url.hostname });
  }

  function onUpgrade(request: IncomingMessage, stream: Duplex, head: Buffer, context: ConnectionContext) {
    const { hostname } = note(request, context, true);
    sockets.handleUpgrade(request, stream, head, (socket) => {
      socket.on('error', () => socket.terminate());
      socket.on('message', (data, binary) => {
        // A msgpack message is one to echo; ws.fal.run frames its answers (data plane contract, 1.7).
        if (!hostname.startsWith('ws.')) return socket.send(data, { binary });
        const control = { request_id: 'request-1', status: 200 };
        socket.send(JSON.stringify({ ...control, type: 'start', headers: {} }));
        socket.send(Buffer.from('{"answer":"ws"}'));
        socket.send(JSON.stringify({ ...control, type: 'end', time_to_first_byte_seconds: 0.1 }));
      });
    });
  }

  return { arrivals, onRequest, onUpgrade };
}

function urls(app: string) {
  const response = `${app}/requests/request-1`;
  return {
    request_id: 'request-1',
    response_url: response,
    status_url: `${response}/status`,
    cancel_url: `${response}/cancel`,
  };
}
