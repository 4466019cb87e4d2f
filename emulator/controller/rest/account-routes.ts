import type { RestParts } from './admin-rest.ts';
import { type RestRoute, sendJson } from './route.ts';

/** Who the key belongs to. */
export function accountRoutes({ surroundings }: RestParts): RestRoute[] {
  const { owner } = surroundings;
  return [
    {
      method: 'GET',
      pattern: /^\/users\/current\/?$/,
      handle: ({ res }) =>
        sendJson(res, {
          full_name: owner,
          nickname: owner,
          user_id: `windtunnel|${owner}`,
          is_personal: true,
          is_locked: false,
        }),
    },
    // Teams are not emulated: there is the one account.
    { method: 'GET', pattern: /^\/users\/teams\/?$/, handle: ({ res }) => sendJson(res, []) },
  ];
}
