import { WindtunnelError } from '../../contract/index.ts';
import type { AdminCall } from '../create-controller.ts';
import type { ControllerParts } from '../rpc/parts.ts';
import { accountRoutes } from './account-routes.ts';
import { appFileRoutes } from './app-file-routes.ts';
import { appRoutes } from './app-routes.ts';
import { dataFileRoutes } from './data-file-routes.ts';
import { logRoutes } from './log-routes.ts';
import type { RestRoute } from './route.ts';

export interface RestParts extends ControllerParts {
  /** What apps see as /data. */
  dataDir: string;
}

export interface AdminRest {
  owns(path: string): boolean;
  serve(call: AdminCall): Promise<void>;
}

/** The REST calls of the fal CLI and SDK that administer: who am I, files, apps, queues, logs. */
export function createAdminRest(parts: RestParts): AdminRest {
  const routes: RestRoute[] = [
    ...accountRoutes(parts),
    ...appFileRoutes(parts),
    ...dataFileRoutes(parts),
    ...appRoutes(parts),
    ...logRoutes(parts),
  ];
  return {
    owns: (path) => routes.some(({ pattern }) => pattern.test(path)),
    async serve(call) {
      authorize(call, parts);
      const { method } = call.req;
      const route = routes.find((candidate) => candidate.method === method && candidate.pattern.test(call.path));
      if (!route) throw new WindtunnelError('E_METHOD', `${method} is not allowed for ${call.path}.`);
      const groups = route.pattern.exec(call.path)?.slice(1) ?? [];
      await route.handle(call, ...groups.map((group) => decodeURIComponent(group)));
    },
  };
}

function authorize({ req }: AdminCall, { keys }: RestParts): void {
  if (req.headers.origin !== undefined) {
    throw new WindtunnelError('E_FOREIGN_ORIGIN', 'A web page may not administer this emulator.');
  }
  const [scheme, key] = (req.headers.authorization ?? '').split(/ +/, 2);
  if (/^key$/i.test(scheme ?? '') && key !== undefined && keys.mayAdminister(key)) return;
  throw new WindtunnelError('E_UNAUTHORIZED', 'The call needs a key of this emulator that may administer.', {
    hint: 'Run the command under `windtunnel exec`, or with the FAL_KEY that `windtunnel env` prints. A real fal key is never accepted here.',
  });
}
