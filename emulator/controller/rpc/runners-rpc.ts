import * as z from 'zod/mini';
import { type Rpcs, unary } from '../grpc/rpc.ts';
import type { ControllerParts } from './parts.ts';
import { mustLive, runnerInfo } from './runner-info.ts';
import { shellRpc } from './shell-rpc.ts';

const int = z.optional(z.number());
const id = z._default(z.string(), '');

/** `fal runners`. */
export function runnersRpcs(parts: ControllerParts): Rpcs {
  const { fleet, runners } = parts;
  return {
    ListRunners: unary(
      z.object({
        list_pending: z._default(z.boolean(), false),
        start_time: z.optional(z.object({ seconds: int, nanos: int })),
      }),
      ({ list_pending, start_time }) => ({
        runners: runnerInfo(runners.all(), { pending: list_pending, startTime: start_time }, parts),
      }),
    ),
    StopRunner: unary(
      z.object({ runner_id: id, replace_first: z._default(z.boolean(), false) }),
      ({ runner_id, replace_first }) => {
        mustLive(runner_id, parts);
        if (replace_first) fleet.management.replaceRunner(runner_id);
        else stop(runner_id, undefined, parts);
        return {};
      },
    ),
    KillRunner: unary(z.object({ runner_id: id }), ({ runner_id }) => {
      mustLive(runner_id, parts);
      stop(runner_id, 0, parts);
      return {};
    }),
    ShellRunner: shellRpc(parts),
  };
}

/** Asked for, not awaited: a runner may take its grace period, and the CLI shows the state. */
function stop(runner: string, graceSeconds: number | undefined, { fleet, log }: ControllerParts): void {
  fleet.apps
    .stopRunner(runner, graceSeconds)
    .catch((error: unknown) => log.error('a runner could not be stopped', { runner, error }));
}
