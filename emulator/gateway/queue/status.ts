import type { LogLine, RequestRecord } from '../../contract/index.ts';
import type { RequestUrls } from './request-path.ts';

/**
 * A request's status as the clients parse it. `logs` null = not asked for. fal_client needs `queue_position` while queued
 * and the `logs` key from IN_PROGRESS on; it knows no other state than these three.
 */
export function statusBody(
  record: RequestRecord,
  urls: RequestUrls,
  position: number,
  logs: LogLine[] | null,
): Record<string, unknown> {
  const { state, outcome } = record;
  const common = { status: state, request_id: record.id, ...urls };
  if (state === 'IN_QUEUE') return { ...common, queue_position: position };
  if (state === 'IN_PROGRESS' || outcome === null) return { ...common, logs, metrics: {} };
  return {
    ...common,
    logs,
    metrics: outcome.inferenceTime === null ? {} : { inference_time: outcome.inferenceTime },
    ...(outcome.error === null ? {} : { error: outcome.error }),
    ...(outcome.errorType === null ? {} : { error_type: outcome.errorType }),
  };
}

/** Whether `?logs=` asks for logs: JS sends `1` and `0`, Python `true` and `false`. */
export function wantsLogs(query: string): boolean {
  if (!query.includes('logs=')) return false;
  const value = new URLSearchParams(query).get('logs')?.toLowerCase();
  return value === '1' || value === 'true';
}
