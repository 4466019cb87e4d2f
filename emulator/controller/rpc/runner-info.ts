import { WindtunnelError } from '../../contract/index.ts';
import { toStruct } from '../protocol/struct.ts';
import { fromTimestamp } from '../protocol/timestamp.ts';
import type { KnownRunner } from '../runners/runner-book.ts';
import type { ControllerParts } from './parts.ts';

const PENDING = new Set(['PENDING', 'DOCKER_PULL', 'SETUP', 'FAILURE_DELAY']);

export interface RunnerQuery {
  /** Also those that do not serve yet. */
  pending: boolean;
  /** Also those that ended, if they ran after this. */
  startTime: { seconds?: number | undefined; nanos?: number | undefined } | undefined;
}

/** Runners as the CLI lists them. */
export function runnerInfo(known: readonly KnownRunner[], query: RunnerQuery, parts: ControllerParts): object[] {
  const { fleet, clock, registry, deployer } = parts;
  const since = query.startTime === undefined ? null : fromTimestamp(query.startTime);
  const aliases = new Map(registry.aliases().map(({ alias }) => [deployer.idOf(alias), alias]));
  return known.flatMap((runner) => {
    if (runner.endedAt !== null && (since === null || runner.endedAt < since)) return [];
    const live = fleet.apps.get(runner.app)?.runners.find(({ id }) => id === runner.id);
    const state = runner.endedAt !== null ? 'TERMINATED' : (live?.state ?? runner.state);
    if (PENDING.has(state) && !query.pending) return [];
    return {
      runner_id: runner.id,
      in_flight_requests: live?.inFlight ?? 0,
      uptime: ((runner.endedAt ?? clock.now()) - runner.startedAt) / 1000,
      external_metadata: toStruct({ present_in_group: runner.endedAt === null }),
      revision: live?.revision ?? runner.revision,
      alias: aliases.get(runner.app) ?? runner.app.slice(runner.app.indexOf('/') + 1),
      state,
      replacement: 'NO_REPLACE',
      machine_type: runner.machineType,
    };
  });
}

/** The SDK looks for the words "not found". */
export function mustLive(runner: string, { fleet }: ControllerParts): void {
  if (fleet.apps.list().some(({ runners }) => runners.some(({ id }) => id === runner))) return;
  throw new WindtunnelError('E_UNKNOWN_RUNNER', `Runner ${runner} not found`, {
    hint: 'List those that are here with `fal runners list`.',
  });
}
