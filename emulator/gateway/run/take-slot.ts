import { type AppId, toWindtunnelError } from '../../contract/index.ts';
import type { Direct, Lease } from '../../fleet/fleet.ts';
import { HttpFailure } from '../failure.ts';

/** Waits for a slot of an app; 429 as fal's where too many wait already. */
export async function takeSlot(
  direct: Direct,
  app: AppId,
  options: { path: string; hint: string | null; signal: AbortSignal },
): Promise<Lease> {
  try {
    return await direct.lease(app, options);
  } catch (thrown) {
    const error = toWindtunnelError(thrown);
    if (error.code !== 'E_LIMIT') throw thrown;
    // Source: fal docs, "concurrency limits".
    throw new HttpFailure(429, error, { type: 'concurrent_requests_limit', headers: [['x-fal-needs-retry', '1']] });
  }
}
