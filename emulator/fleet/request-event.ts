import type { NewEvent, RequestRecord } from '../contract/index.ts';

/** The event that tells where a queued request stands now. */
export function requestEvent(record: RequestRecord, reason: string): NewEvent {
  const { id, app, state, attempt, runnerId, path, outcome, startedAt, completedAt } = record;
  return {
    type: 'request.state',
    app,
    request: id,
    state,
    attempt,
    runner: runnerId,
    path,
    status: outcome?.status ?? null,
    seconds: startedAt === null || completedAt === null ? null : (completedAt - startedAt) / 1000,
    reason,
  };
}
