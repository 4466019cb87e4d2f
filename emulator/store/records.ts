import type { RequestOutcome, RequestRecord } from '../contract/index.ts';
import type { DroppedLogs, RequestRow, SqlValue } from './protocol.ts';

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

/** A whole record, in the order of FIXED_COLUMNS and MUTABLE_COLUMNS. */
export function recordValues(record: RequestRecord): SqlValue[] {
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
    JSON.stringify(record.headers),
    ...mutableValues(record),
  ];
}

/**
 * Turns rows back into records. Texts that repeat (app, path, header lists) are shared between them: 100,000 waiting requests
 * come from a few clients. Throws SyntaxError where a row holds invalid JSON.
 */
export class RecordReader {
  private readonly texts = new Map<string, string>();
  private readonly json = new Map<string, unknown>();

  read(row: RequestRow): RequestRecord {
    const id = row.id as string;
    const gatewayRequestId = row.gateway_request_id as string;
    const outcome = row.outcome as string | null;
    return {
      id,
      app: this.text(row.app) as RequestRecord['app'],
      path: this.text(row.path),
      method: this.text(row.method),
      priority: this.text(row.priority) as RequestRecord['priority'],
      seq: row.seq as number,
      createdAt: row.created_at as number,
      startDeadline: row.start_deadline as number | null,
      hint: row.hint as string | null,
      noRetry: row.no_retry === 1,
      retryConfig: row.retry_config as string | null,
      webhook: row.webhook as string | null,
      inputBytes: row.input_bytes as number,
      storeIo: row.store_io === 1,
      headers: this.shared(row.headers as string) as RequestRecord['headers'],
      state: this.text(row.state) as RequestRecord['state'],
      attempt: row.attempt as number,
      gatewayRequestId: gatewayRequestId === id ? id : gatewayRequestId,
      // Not shared: the fleet counts in it.
      retriesSpent: JSON.parse(row.retries_spent as string) as RequestRecord['retriesSpent'],
      cancelRequested: row.cancel_requested === 1,
      startedAt: row.started_at as number | null,
      completedAt: row.completed_at as number | null,
      runnerId: row.runner_id as string | null,
      outcome: outcome === null ? null : (JSON.parse(outcome) as RequestOutcome),
    };
  }

  private text(value: SqlValue | undefined): string {
    const text = value as string;
    const known = this.texts.get(text);
    if (known !== undefined) return known;
    this.texts.set(text, text);
    return text;
  }

  private shared(text: string): unknown {
    let value = this.json.get(text);
    if (value === undefined) {
      value = JSON.parse(text);
      this.json.set(text, value);
    }
    return value;
  }
}

/** What the log limit had dropped of a request's log when its row was written. */
export function droppedOf(row: RequestRow): DroppedLogs | null {
  const lines = row.dropped_lines as number;
  return lines === 0 ? null : { lines, bytes: row.dropped_bytes as number, at: row.dropped_at as number };
}
