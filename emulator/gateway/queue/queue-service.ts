import { type RequestRecord, WindtunnelError } from '../../contract/index.ts';
import { resolveApp } from '../apps.ts';
import { discardBody, readStored } from '../body.ts';
import type { GatewayDeps } from '../deps.ts';
import { type EndpointId, parseEndpointPath } from '../endpoint-id.ts';
import type { Exchange } from '../exchange.ts';
import { badRequest, HttpFailure, wrongMethod } from '../failure.ts';
import { forRunner } from '../headers.ts';
import { sendJson } from '../respond.ts';
import { parseRequestPath, type RequestCall, requestUrls } from './request-path.ts';
import { replayResult } from './result.ts';
import { statusBody, wantsLogs } from './status.ts';
import { streamStatus } from './status-stream.ts';
import { submitOptions } from './submit-options.ts';

const SUBMIT_METHODS = new Set(['POST', 'GET', 'PUT', 'PATCH', 'DELETE']);

/** `queue.fal.run`: submit, status, status stream, result, cancel. */
export async function serveQueue(exchange: Exchange, deps: GatewayDeps): Promise<void> {
  const id = parseEndpointPath(exchange.route.path);
  if (id === null) throw badRequest('The path names no app.', 'Use /<owner>/<app>[/path].');
  const call = parseRequestPath(id.path);
  const method = exchange.req.method ?? 'GET';
  // An app may have a route of that look; only a known id makes a POST to it a slip.
  if (call !== null && !(method === 'POST' && find(deps, id, call) === undefined)) {
    await serveRequest(exchange, deps, id, call);
    return;
  }
  if (!SUBMIT_METHODS.has(method)) throw wrongMethod(method, 'a submit', 'POST');
  await submit(exchange, deps, id, method);
}

async function submit(exchange: Exchange, deps: GatewayDeps, id: EndpointId, method: string): Promise<void> {
  const { req, res, route } = exchange;
  const app = resolveApp(deps.fleet.apps, id);
  const { query, ...options } = submitOptions(req.headers, route.query);
  const headers = forRunner(req.rawHeaders);
  const body = await readStored(req, { clock: deps.clock, newFile: deps.newBodyFile });
  let record: RequestRecord;
  try {
    record = await deps.fleet.queue.submit({ app, path: id.path + query, method, headers, body, ...options });
  } catch (error) {
    await discardBody(body);
    throw error;
  }
  sendJson(
    res,
    200,
    {
      status: 'IN_QUEUE',
      request_id: record.id,
      ...requestUrls(route.base, id.prefix, record.id),
      queue_position: deps.fleet.queue.position(record),
      gateway_request_id: record.gatewayRequestId,
    },
    [['x-fal-request-id', record.id]],
  );
}

async function serveRequest(exchange: Exchange, deps: GatewayDeps, id: EndpointId, call: RequestCall): Promise<void> {
  const { req, res, route } = exchange;
  const allow = call.operation === 'cancel' ? 'PUT' : 'GET';
  if (req.method !== allow && !(allow === 'GET' && req.method === 'HEAD')) {
    throw wrongMethod(req.method ?? 'GET', `the ${call.operation} of a request`, allow);
  }
  const record = find(deps, id, call);
  if (record === undefined) throw unknownRequest(call.id);
  res.setHeader('x-fal-request-id', record.id);
  const { queue } = deps.fleet;
  const urls = requestUrls(route.base, id.prefix, record.id);

  switch (call.operation) {
    case 'status': {
      const logs = wantsLogs(route.query) && record.state !== 'IN_QUEUE' ? await queue.logs(record.id) : null;
      const position = record.state === 'IN_QUEUE' ? queue.position(record) : 0;
      sendJson(res, record.state === 'COMPLETED' ? 200 : 202, statusBody(record, urls, position, logs));
      return;
    }
    case 'stream':
      streamStatus(exchange, queue, deps.clock, record, urls, wantsLogs(route.query));
      return;
    case 'result': {
      if (record.state !== 'COMPLETED' || record.outcome === null) {
        throw new HttpFailure(400, new WindtunnelError('E_BAD_REQUEST', 'Request is still in progress'));
      }
      const body = await queue.result(record.id);
      if (body === null) throw unknownRequest(record.id);
      await replayResult(exchange, record.id, record.outcome, body, deps.publicUrl());
      return;
    }
    case 'cancel': {
      const status = await queue.cancel(record.id);
      if (status === 'NOT_FOUND') throw unknownRequest(record.id);
      sendJson(res, status === 'ALREADY_COMPLETED' ? 400 : 202, { status });
    }
  }
}

/** The request, where it belongs to the app that the URL names; the owner may be another name for it (design §3 "Owners"). */
function find(deps: GatewayDeps, id: EndpointId, call: RequestCall): RequestRecord | undefined {
  const record = deps.fleet.queue.get(call.id);
  return record?.app.slice(record.app.indexOf('/') + 1) === id.alias ? record : undefined;
}

function unknownRequest(id: string): HttpFailure {
  const error = new WindtunnelError('E_UNKNOWN_REQUEST', `No request ${id} is known for this app.`);
  return new HttpFailure(404, error, { body: { status: 'NOT_FOUND' } });
}
