import type { RequestOutcome, RequestRecord } from '../contract/index.ts';
import { NOTHING_SPENT } from './packed-records.ts';
import type { DroppedLogs, RequestRow, SqlValue } from './protocol.ts';
import type { TextPool } from './text-pool.ts';

/** What `update` and `complete` persist, in the order of MUTABLE_COLUMNS. */
export function mutableValues(record: RequestRecord, completion?: { outcome: RequestOutcome; at: number }): SqlValue[] {
  const outcome = completion ? completion.outcome : record.outcome;
  return [
    completion ? 'COMPLETED' : record.state,
    record.attempt,
    record.gatewayRequestId,
    JSON.stringify(record.retriesSpent),
    Number(record.cancelRequested),
    record.startedAt,
    record.runnerId,
    completion ? completion.at : record.completedAt,
    outcome === null ? null : JSON.stringify(outcome),
  ];
}

/**
 * A whole record, in the order of FIXED_COLUMNS and MUTABLE_COLUMNS. From here on the record is the store's to keep: it shares
 * its headers and path with the records that have the same.
 */
export function recordValues(record: RequestRecord, pool: TextPool): SqlValue[] {
  const headers = JSON.stringify(record.headers);
  Object.assign(record, { headers: pool.headers(headers, record.headers), path: pool.text(record.path) });
  return [
    record.seq,
    record.id,
    record.app,
    record.path,
    record.method,
    record.priority,
    record.createdAt,
    record.startDeadline,
    record.hint,
    Number(record.noRetry),
    record.retryConfig,
    record.webhook,
    record.inputBytes,
    Number(record.storeIo),
    headers,
    ...mutableValues(record),
  ];
}

/** A record from its row. Throws SyntaxError where the row holds invalid JSON. */
export function readRecord(row: RequestRow, pool: TextPool): RequestRecord {
  const text = (name: string) => pool.text(row[name] as string);
  const id = row.id as string;
  const gatewayRequestId = row.gateway_request_id as string;
  const outcome = row.outcome as string | null;
  return {
    id,
    app: text('app') as RequestRecord['app'],
    path: text('path'),
    method: text('method'),
    priority: text('priority') as RequestRecord['priority'],
    seq: row.seq as number,
    createdAt: row.created_at as number,
    startDeadline: row.start_deadline as number | null,
    hint: row.hint as string | null,
    noRetry: row.no_retry === 1,
    retryConfig: row.retry_config as string | null,
    webhook: row.webhook as string | null,
    inputBytes: row.input_bytes as number,
    storeIo: row.store_io === 1,
    headers: pool.headers(row.headers as string),
    state: text('state') as RequestRecord['state'],
    attempt: row.attempt as number,
    gatewayRequestId: gatewayRequestId === id ? id : gatewayRequestId,
    retriesSpent: retriesSpent(row.retries_spent as string),
    cancelRequested: row.cancel_requested === 1,
    startedAt: row.started_at as number | null,
    completedAt: row.completed_at as number | null,
    runnerId: row.runner_id as string | null,
    outcome: outcome === null ? null : (JSON.parse(outcome) as RequestOutcome),
  };
}

function retriesSpent(json: string): RequestRecord['retriesSpent'] {
  return json === '{}' ? NOTHING_SPENT : (JSON.parse(json) as RequestRecord['retriesSpent']);
}

/** What the log limit had dropped of a request's log when its row was written. */
export function droppedOf(row: RequestRow): DroppedLogs | null {
  const lines = row.dropped_lines as number;
  return lines === 0 ? null : { lines, bytes: row.dropped_bytes as number, at: row.dropped_at as number };
}
