import type { DatabaseSync } from 'node:sqlite';
import type { DocumentChange } from './documents.ts';
import { KvStatements } from './kv-statements.ts';
import type { BodyRow, BodyTable, DeliveryRow, LogTotals, Op, OpResults, ReadKind, RequestRow } from './protocol.ts';
import { FIXED_COLUMNS, MUTABLE_COLUMNS } from './schema.ts';

type ReadOp = Extract<Op, { kind: ReadKind }>;
export type WriteOp = Exclude<Op, ReadOp>;

/** What is kept in memory of a request: all but its story. */
const LOADED = [...FIXED_COLUMNS, ...MUTABLE_COLUMNS, 'dropped_lines', 'dropped_bytes', 'dropped_at'].join(', ');

/** Rows posted at a time when the state is loaded: small enough to keep the copies between threads short-lived. */
const ROWS_PER_MESSAGE = 1000;

const READS: ReadonlySet<Op['kind']> = new Set<ReadKind>(['read-body', 'read-logs', 'read-story', 'kv-get']);

export const isRead = (op: Op): op is ReadOp => READS.has(op.kind);

/** Bytes that an operation adds to a batch, roughly. */
export function opBytes(op: Op): number {
  switch (op.kind) {
    case 'submit':
    case 'complete':
      return 512 + (op.body.bytes?.byteLength ?? 0);
    case 'kv-set':
      return 64 + op.value.length;
    case 'logs':
      return op.chunks.reduce((sum, chunk) => sum + chunk.lines.length, 0);
    case 'documents':
      return op.changes.reduce((sum, { value }) => sum + 64 + (value?.length ?? 0), 0);
    default:
      return 64;
  }
}

/** The prepared statements of the store: each operation of the protocol in SQL. */
export class Statements {
  private readonly insertRequest;
  private readonly updateRequest;
  private readonly completeRequest;
  private readonly insertBody;
  private readonly selectBody;
  private readonly insertLogs;
  private readonly updateDropped;
  private readonly selectLogs;
  private readonly deletions;
  private readonly putDocument;
  private readonly deleteDocument;
  private readonly appendStory;
  private readonly selectStory;
  private readonly putDelivery;
  private readonly deleteDelivery;
  private readonly deleteInput;
  private readonly kv: KvStatements;
  private readonly db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.db = db;
    const columns = [...FIXED_COLUMNS, ...MUTABLE_COLUMNS];
    this.insertRequest = db.prepare(`INSERT INTO requests(${columns}) VALUES(${columns.map(() => '?')})`);
    // A result that is committed stays: a late update changes neither state nor outcome.
    const kept = new Set<string>(['state', 'completed_at', 'outcome']);
    const guarded = MUTABLE_COLUMNS.map(
      (c) => `${c} = ${kept.has(c) ? `CASE WHEN outcome IS NULL THEN ? ELSE ${c} END` : '?'}`,
    );
    const story = "story = coalesce(story, '') || ?";
    this.updateRequest = db.prepare(`UPDATE requests SET ${guarded}, ${story} WHERE seq = ?`);
    const all = [...MUTABLE_COLUMNS.map((c) => `${c} = ?`), story];
    this.completeRequest = db.prepare(`UPDATE requests SET ${all} WHERE seq = ? AND outcome IS NULL`);
    this.insertBody = eachTable((t) => db.prepare(`INSERT INTO ${t}(seq, size, file, bytes) VALUES(?, ?, ?, ?)`));
    this.selectBody = eachTable((t) => db.prepare(`SELECT size, file, bytes FROM ${t} WHERE seq = ?`));
    // Lines may arrive just after their request was forgotten.
    this.insertLogs = db.prepare(
      'INSERT INTO logs(seq, first, count, bytes, lines) SELECT seq, ?, ?, ?, ? FROM requests WHERE seq = ?',
    );
    this.updateDropped = db.prepare(
      'UPDATE requests SET dropped_lines = ?, dropped_bytes = ?, dropped_at = ? WHERE seq = ?',
    );
    this.selectLogs = db.prepare(
      'SELECT first, lines FROM logs WHERE seq = ? AND first < ? AND first + count > ? ORDER BY first',
    );
    this.putDocument = db.prepare(
      'INSERT INTO documents(collection, key, value) VALUES(?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
    );
    this.deleteDocument = db.prepare('DELETE FROM documents WHERE collection = ? AND key = ?');
    this.appendStory = db.prepare(`UPDATE requests SET ${story} WHERE seq = ?`);
    this.selectStory = db.prepare('SELECT story FROM requests WHERE seq = ?');
    this.putDelivery = db.prepare('INSERT OR REPLACE INTO deliveries(seq, tries, next_at) VALUES(?, ?, ?)');
    this.deleteDelivery = db.prepare('DELETE FROM deliveries WHERE seq = ?');
    this.deleteInput = db.prepare('DELETE FROM inputs WHERE seq = ?');
    this.kv = new KvStatements(db);
    const tables = ['requests', 'inputs', 'results', 'logs', 'deliveries'];
    this.deletions = tables.map((t) => db.prepare(`DELETE FROM ${t} WHERE seq = ?`));
  }

  /** Applies a write inside the open transaction. Returns body files that have no row once it is committed. */
  apply(op: WriteOp): string[] {
    switch (op.kind) {
      case 'submit':
        this.insertRequest.run(...op.row);
        this.putBody('inputs', Number(op.row[0]), op.body);
        return [];
      case 'update':
        mustChange(this.updateRequest.run(...op.fields, op.story, op.seq).changes, op.seq);
        return [];
      case 'complete':
        return this.complete(op);
      case 'story':
        this.appendStory.run(op.story, op.seq);
        return [];
      case 'delivery':
        if (op.story !== '') this.appendStory.run(op.story, op.seq);
        if (op.nextAt === null) this.deleteDelivery.run(op.seq);
        else this.putDelivery.run(op.seq, op.tries, op.nextAt);
        return [];
      case 'kv-set':
      case 'kv-delete':
      case 'kv-expire':
        this.kv.apply(op);
        return [];
      case 'logs':
        for (const c of op.chunks) {
          if (c.count > 0) this.insertLogs.run(c.first, c.count, c.bytes, c.lines, c.seq);
          if (c.dropped) this.updateDropped.run(c.dropped.lines, c.dropped.bytes, c.dropped.at, c.seq);
        }
        return [];
      case 'expire':
        return op.seqs.flatMap((seq) => this.forget(seq));
      case 'documents':
        for (const { collection, key, value } of op.changes) {
          if (value === null) this.deleteDocument.run(collection, key);
          else this.putDocument.run(collection, key, value);
        }
        return [];
      case 'barrier':
        return [];
    }
  }

  read(op: ReadOp): OpResults[ReadKind] {
    if (op.kind === 'read-body') return this.body(op.table, op.seq);
    if (op.kind === 'read-story') return String(this.selectStory.get(op.seq)?.story ?? '');
    if (op.kind === 'kv-get') return this.kv.get(op.db, op.key, op.now);
    return this.selectLogs
      .all(op.seq, op.to, op.from)
      .map((row) => ({ first: Number(row.first), lines: String(row.lines) }));
  }

  /** All requests in submit order, in portions. */
  *requests(): Generator<RequestRow[]> {
    let rows: RequestRow[] = [];
    for (const row of this.db.prepare(`SELECT ${LOADED} FROM requests ORDER BY seq`).iterate()) {
      // Rows have no prototype and no blobs or big integers: their columns are SqlValue by the schema.
      rows.push({ ...row } as RequestRow);
      if (rows.length < ROWS_PER_MESSAGE) continue;
      yield rows;
      rows = [];
    }
    if (rows.length > 0) yield rows;
  }

  documents(): DocumentChange[] {
    return this.db
      .prepare('SELECT collection, key, value FROM documents')
      .all()
      .map((row) => ({ collection: String(row.collection), key: String(row.key), value: String(row.value) }));
  }

  logTotals(): LogTotals[] {
    return this.db
      .prepare('SELECT seq, sum(count) AS lines, sum(bytes) AS bytes FROM logs GROUP BY seq')
      .all()
      .map((row) => ({ seq: Number(row.seq), lines: Number(row.lines), bytes: Number(row.bytes) }));
  }

  /** Webhooks that are still to be delivered. */
  deliveries(): DeliveryRow[] {
    return this.db
      .prepare('SELECT seq, tries, next_at FROM deliveries ORDER BY next_at')
      .all()
      .map((row) => ({ seq: Number(row.seq), tries: Number(row.tries), nextAt: Number(row.next_at) }));
  }

  /** The highest submit number that was ever committed, 0 when none. */
  lastSeq(): number {
    return Number(this.db.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'requests'").get()?.seq ?? 0);
  }

  private complete(op: Extract<Op, { kind: 'complete' }>): string[] {
    mustChange(this.completeRequest.run(...op.fields, op.story, op.seq).changes, op.seq);
    this.putBody('results', op.seq, op.body);
    if (op.deliverAt !== null) this.putDelivery.run(op.seq, 0, op.deliverAt);
    if (!op.forgetInput) return [];
    const file = this.selectBody.inputs.get(op.seq)?.file;
    this.deleteInput.run(op.seq);
    return typeof file === 'string' ? [file] : [];
  }

  private putBody(table: BodyTable, seq: number, body: BodyRow): void {
    this.insertBody[table].run(seq, body.size, body.file, body.bytes);
  }

  private body(table: BodyTable, seq: number): BodyRow | null {
    const row = this.selectBody[table].get(seq);
    if (!row) return null;
    const bytes = row.bytes;
    return {
      size: Number(row.size),
      file: row.file === null ? null : String(row.file),
      bytes: bytes instanceof Uint8Array ? bytes : null,
    };
  }

  private forget(seq: number): string[] {
    const files = (['inputs', 'results'] as const).flatMap((table) => this.selectBody[table].get(seq)?.file ?? []);
    for (const deletion of this.deletions) deletion.run(seq);
    return files.map(String);
  }
}

function eachTable<T>(make: (table: BodyTable) => T): Record<BodyTable, T> {
  return { inputs: make('inputs'), results: make('results') };
}

function mustChange(changes: number | bigint, seq: number): void {
  if (Number(changes) !== 1) throw new Error(`request number ${seq} is not stored or is complete already`);
}
