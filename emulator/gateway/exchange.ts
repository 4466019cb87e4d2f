import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Caller } from './access/access.ts';
import type { ConnectionContext } from './port/connections.ts';
import type { Route } from './route.ts';

/** One HTTP call on its way through the gateway. */
export interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly connection: ConnectionContext;
  readonly route: Route;
  readonly caller: Caller;
}
