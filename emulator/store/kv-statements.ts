import type { DatabaseSync } from 'node:sqlite';
import type { Op } from './protocol.ts';

type KvWrite = Extract<Op, { kind: 'kv-set' | 'kv-delete' | 'kv-expire' }>;

/** The key-value table in SQL. */
export class KvStatements {
  private readonly select;
  private readonly upsert;
  private readonly remove;
  private readonly removeEnded;

  constructor(db: DatabaseSync) {
    this.select = db.prepare('SELECT value FROM kv WHERE db = ? AND key = ? AND expires_at > ?');
    this.upsert = db.prepare('INSERT OR REPLACE INTO kv(db, key, value, expires_at) VALUES(?, ?, ?, ?)');
    this.remove = db.prepare('DELETE FROM kv WHERE db = ? AND key = ?');
    this.removeEnded = db.prepare('DELETE FROM kv WHERE expires_at <= ?');
  }

  get(db: string, key: string, now: number): string | null {
    const value = this.select.get(db, key, now)?.value;
    return value === undefined ? null : String(value);
  }

  apply(op: KvWrite): void {
    switch (op.kind) {
      case 'kv-set':
        this.upsert.run(op.db, op.key, op.value, op.expiresAt);
        return;
      case 'kv-delete':
        this.remove.run(op.db, op.key);
        return;
      case 'kv-expire':
        this.removeEnded.run(op.now);
    }
  }
}
