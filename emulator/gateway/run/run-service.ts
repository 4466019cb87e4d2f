import { resolveApp } from '../apps.ts';
import type { GatewayDeps } from '../deps.ts';
import { parseEndpointPath } from '../endpoint-id.ts';
import type { Exchange } from '../exchange.ts';
import { badRequest } from '../failure.ts';
import { fileLifecycle } from '../lifecycle.ts';
import { DirectCall } from './direct-call.ts';

/** `fal.run`: one call of an app without the queue, streams included. */
export function serveRun(exchange: Exchange, deps: GatewayDeps): Promise<void> {
  const id = parseEndpointPath(exchange.route.path);
  if (id === null) throw badRequest('The path names no app.', 'Use /<owner>/<app>[/path].');
  fileLifecycle(exchange.req.headers);
  const app = resolveApp(deps.fleet.apps, id);
  return new DirectCall(exchange, deps, app, id.path).run();
}
