import * as z from 'zod/mini';

const seconds = (what: string) => z.optional(z.number().check(z.nonnegative(), z.describe(what)));

/**
 * How fal's platform behaves where no setting of the app says otherwise: the key `platform` of windtunnel.jsonc. Each says
 * where it comes from; where fal's docs are silent or contradict themselves it says so, and the value is ours.
 */
export const PlatformSchema = z.strictObject({
  unusedRunnerSeconds: seconds(
    'A runner that never served and that nothing needs is stopped after this. Docs: deployment/scale-your-application. Default: 10.',
  ),
  startBackoffStepSeconds: seconds(
    'Wait after a start that failed, this much more for each in a row. Docs: deployment/runners. Default: 30.',
  ),
  startBackoffMaxSeconds: seconds('The longest such wait. Docs: deployment/runners. Default: 600.'),
  schedulingRetrySeconds: seconds(
    'Wait before a runner is placed again for which no GPU was free. Docs: deployment/runners (fixed 20 s). Default: 20.',
  ),
  terminationGraceMaxSeconds: seconds(
    'The longest termination_grace_period_seconds. fal says 30 s on one page and 1 h on another (development/app-lifecycle); the longer one counts. Default: 3600.',
  ),
  maxAttempts: z.optional(
    z
      .int()
      .check(
        z.minimum(1),
        z.describe('Attempts of one request in all. Docs: serverless/reliability/retries. Default: 10.'),
      ),
  ),
  retryDelaySeconds: seconds(
    'Wait before the first retry of a request, doubled each time. fal publishes none; ours is short. Default: 0.1.',
  ),
  retryDelayMaxSeconds: seconds('The longest such wait; ours. Default: 2.'),
  healthCheckSeconds: seconds(
    'Between two regular health checks. Docs: development/add-health-check-endpoint. Default: 15.',
  ),
  startHealthCheckSeconds: seconds(
    'Between two health checks of a runner that starts and was not healthy yet; ours. Default: 1.',
  ),
  roomRetrySeconds: seconds(
    'Wait before memory is looked for again for one more runner; ours, a cloud has always room. Default: 5.',
  ),
});
export type PlatformSettings = z.infer<typeof PlatformSchema>;
