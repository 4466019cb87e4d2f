import type { IncomingMessage } from 'node:http';
import { WindtunnelError } from '../contract/index.ts';
import { badRequest, HttpFailure, wrongMethod } from './failure.ts';
import { type Route, routeOfTarget } from './route.ts';

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH'];

/**
 * The protocol of `proxyUrl` in @fal-ai/client: the real URL stands in `x-fal-target-url`. Statuses as in fal's "proxy
 * formula": 400 no target, 405, 412 target not fal's, 415 body not JSON.
 */
export function proxiedRoute(req: IncomingMessage): Route {
  const method = req.method ?? 'GET';
  if (!METHODS.includes(method)) throw wrongMethod(method, 'the proxy', METHODS.join(', '));
  const target = req.headers['x-fal-target-url'];
  if (typeof target !== 'string' || target === '') throw badRequest('The x-fal-target-url header is missing.');
  const route = routeOfTarget(target);
  if (route === null) {
    throw refuse(412, `x-fal-target-url is not a URL of fal: ${JSON.stringify(target)}.`);
  }
  const type = req.headers['content-type'];
  const hasBody = method !== 'GET' && req.headers['content-length'] !== '0' && hasBodyHeaders(req);
  if (hasBody && !type?.startsWith('application/json')) throw refuse(415, 'The proxy passes JSON bodies only.');
  return route;
}

function hasBodyHeaders(req: IncomingMessage): boolean {
  return req.headers['content-length'] !== undefined || req.headers['transfer-encoding'] !== undefined;
}

function refuse(status: number, message: string): HttpFailure {
  return new HttpFailure(status, new WindtunnelError('E_BAD_REQUEST', message));
}
