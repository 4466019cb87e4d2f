import type { AppId } from '../../contract/index.ts';

/** Domains of fal under which a client may have called the controller. */
const FAL_HOST = /(^|\.)(fal\.ai|fal\.dev|falrun\.com)(:\d+)?$/;

const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;

/**
 * Where an app is reached, in the form that the client can use: fal's own names for one that called the controller under them
 * (`exec` leads those here), the name that another machine used, else the loopback port. What is only shown to a person is
 * never under fal's names.
 */
export function serviceUrls(app: AppId, host: string, publicUrl: string): Record<string, string> {
  const base = LOOPBACK.test(host) || FAL_HOST.test(host) ? publicUrl : `https://${host}`;
  const shown = { playground: `${base}/run/${app}`, log: `${base}/run/${app}` };
  if (FAL_HOST.test(host)) {
    return {
      ...shown,
      run: `https://fal.run/${app}`,
      queue: `https://queue.fal.run/${app}`,
      ws: `wss://fal.run/${app}`,
    };
  }
  const ws = base.replace(/^http/, 'ws');
  return { ...shown, run: `${base}/run/${app}`, queue: `${base}/queue/${app}`, ws: `${ws}/run/${app}` };
}
