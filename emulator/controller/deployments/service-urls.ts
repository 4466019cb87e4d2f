import type { AppId } from '../../contract/index.ts';

/** Domains of fal under which a client may have called the controller. */
const FAL_HOST = /(^|\.)(fal\.ai|fal\.dev|falrun\.com)(:\d+)?$/;

/**
 * Where an app is reached, in the form that the client can use: fal's own names for one that called the controller under them
 * (`exec` leads those here), else the loopback port. What is only shown to a person is always local.
 */
export function serviceUrls(app: AppId, host: string, publicUrl: string): Record<string, string> {
  const shown = { playground: `${publicUrl}/run/${app}`, log: `${publicUrl}/run/${app}` };
  if (FAL_HOST.test(host)) {
    return {
      ...shown,
      run: `https://fal.run/${app}`,
      queue: `https://queue.fal.run/${app}`,
      ws: `wss://fal.run/${app}`,
    };
  }
  const ws = publicUrl.replace(/^http/, 'ws');
  return { ...shown, run: `${publicUrl}/run/${app}`, queue: `${publicUrl}/queue/${app}`, ws: `${ws}/run/${app}` };
}
