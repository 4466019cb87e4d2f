import type { AppDefinition } from './fleet.ts';

/** fal's own host by its default name: the SDK asserts that it starts with `api`. */
const FAL_HOST = 'api.alpha.fal.ai';
/** Regions of fal mean nothing here. */
const REGION = 'local';

// A developer's own key in a `.env` must never be what an app uses here, nor may it lead the SDK to another host.
const NEVER_FROM_USER = new Set([
  'FAL_KEY',
  'FAL_KEY_ID',
  'FAL_KEY_SECRET',
  'FAL_HOST',
  'FAL_RUN_HOST',
  'FAL_QUEUE_RUN_HOST',
]);

/**
 * Environment of a runner beyond its engine's own: the app's variables and secrets, then fal's (docs:
 * development/environment-variables), then `platform` (FAL_KEY, CA bundle), which nothing overrides.
 */
export function runnerEnvironment(
  definition: AppDefinition,
  runnerId: string,
  platform: Record<string, string>,
): Record<string, string> {
  const given = typeof definition.env === 'function' ? definition.env() : definition.env;
  const own = Object.fromEntries(Object.entries(given).filter(([name]) => !NEVER_FROM_USER.has(name)));
  return {
    HF_HOME: '/data/.cache/huggingface',
    ...own,
    FAL_APP_NAME: definition.id,
    FAL_APP_ID: definition.id,
    FAL_USER_NICKNAME: definition.id.split('/', 1)[0] ?? '',
    FAL_JOB_ID: runnerId,
    FAL_HOST,
    FAL_REGION: REGION,
    IS_ISOLATE_AGENT: '1',
    ...platform,
  };
}
