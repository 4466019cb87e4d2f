import { WindtunnelError } from '../../contract/index.ts';
import type { RestParts } from './admin-rest.ts';
import { type RestRoute, sendJson } from './route.ts';

const QUEUE = /^\/applications\/([^/]+)\/([^/]+)\/queue\/?$/;

/** What the CLI asks of one app: its queue and what was deployed with it. */
export function appRoutes({ fleet, registry, deployer }: RestParts): RestRoute[] {
  const mustServe = (owner: string, name: string) => {
    const app = fleet.apps.resolve(owner, name);
    if (app) return app;
    throw new WindtunnelError('E_UNKNOWN_APP', `App ${owner}/${name} not found`);
  };
  return [
    {
      method: 'GET',
      pattern: QUEUE,
      handle: ({ res, query }, owner = '', name = '') => {
        const app = mustServe(owner, name);
        const size = fleet.apps.get(app)?.queued ?? 0;
        sendJson(res, {
          size,
          ...(query.get('by_user') === 'true' ? { by_user: size > 0 ? { [owner]: size } : {} } : {}),
        });
      },
    },
    {
      method: 'DELETE',
      pattern: QUEUE,
      handle: async ({ res }, owner = '', name = '') => {
        sendJson(res, { flushed: await fleet.management.flush(mustServe(owner, name)) });
      },
    },
    {
      method: 'GET',
      pattern: /^\/applications\/([^/]+)\/([^/]+)\/metadata\/?$/,
      handle: ({ res }, _owner, name = '') => {
        const alias = registry.mustHaveAlias(name);
        sendJson(res, registry.mustHaveRevision(alias.revision).metadata);
      },
    },
    {
      method: 'GET',
      pattern: /^\/applications\/metrics\/?$/,
      handle: ({ res }) => {
        // By machine type: what a runner asked for, for a GPU of that name need not be in this machine.
        const apps: Record<string, { gpu_count_by_type: Record<string, number> }> = {};
        const total: Record<string, number> = {};
        for (const { alias } of registry.aliases()) {
          const id = deployer.idOf(alias);
          const view = fleet.apps.get(id);
          const type = view?.settings.machineTypes[0] ?? '';
          const count = (view?.runners.length ?? 0) * (view?.settings.numGpus ?? 1);
          const counts = type.startsWith('GPU') && count > 0 ? { [type]: count } : {};
          apps[id] = { gpu_count_by_type: counts };
          for (const [name, number] of Object.entries(counts)) total[name] = (total[name] ?? 0) + number;
        }
        sendJson(res, { summary: { total_gpu_by_type: total }, apps });
      },
    },
  ];
}
