import { type AppId, WindtunnelError } from '../contract/index.ts';
import type { Apps } from '../fleet/fleet.ts';
import type { EndpointId } from './endpoint-id.ts';
import { HttpFailure } from './failure.ts';

// Owners that fal publishes its models under; any other owner is some user's.
const PUBLIC_OWNERS = new Set(['fal-ai', 'fal', 'bria', 'easel-ai', 'rundiffusion-fal', 'openrouter']);

/** The app that an endpoint id means here, or a 404 that says what runs here and what to do. */
export function resolveApp(apps: Apps, id: EndpointId): AppId {
  const app = apps.resolve(id.owner, id.alias);
  if (app !== undefined) return app;
  const name = `${id.owner}/${id.alias}`;
  if (PUBLIC_OWNERS.has(id.owner)) {
    const error = new WindtunnelError('E_PUBLIC_MODEL', `${id.prefix} is a public fal model and does not run here.`, {
      hint: `Stub it with \`windtunnel run FILE.py --as ${name}\`; the real one answers programs that run without \`windtunnel exec\`.`,
      actions: [`windtunnel run FILE.py --as ${name}`],
    });
    throw new HttpFailure(404, error, { type: 'public_model_not_emulated' });
  }
  const known = apps.list().map((view) => view.id);
  throw new WindtunnelError('E_UNKNOWN_APP', `No app ${name} runs here.`, {
    hint:
      known.length === 0
        ? 'Start one with `windtunnel run FILE.py`.'
        : `These do: ${known.join(', ')}. Start another with \`windtunnel run FILE.py\`.`,
  });
}
