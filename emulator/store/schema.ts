import type { DatabaseSync } from 'node:sqlite';

/** `PRAGMA application_id` of our files: "WTNL". Tells our state from any other SQLite file. */
export const APPLICATION_ID = 0x57544e4c;

/** Columns of a request that never change after its submit, in the order in which they are bound. */
export const FIXED_COLUMNS = [
  'seq',
  'id',
  'app',
  'path',
  'method',
  'priority',
  'created_at',
  'start_deadline',
  'hint',
  'no_retry',
  'retry_config',
  'webhook',
  'input_bytes',
  'store_io',
  'headers',
] as const;

/** Columns that `update` and `complete` write, in the order in which they are bound. */
export const MUTABLE_COLUMNS = [
  'state',
  'attempt',
  'gateway_request_id',
  'retries_spent',
  'cancel_requested',
  'started_at',
  'runner_id',
  'completed_at',
  'outcome',
] as const;

// One step for each version: step i leads from version i to i + 1. A step that was released is never edited.
//
// Requests are found by `seq` alone (the emulator holds id → seq in memory), so an insert touches the last pages only and
// costs the same with 10 and with 100,000 waiting. AUTOINCREMENT keeps the highest number ever used, also when its row is gone.
// Bodies stand in tables of their own so that a change of state does not rewrite them.
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE migrations(version INTEGER PRIMARY KEY, applied_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP);
   CREATE TABLE requests(
     seq INTEGER PRIMARY KEY AUTOINCREMENT,
     id TEXT NOT NULL, app TEXT NOT NULL, path TEXT NOT NULL, method TEXT NOT NULL, priority TEXT NOT NULL,
     created_at REAL NOT NULL, start_deadline REAL, hint TEXT, no_retry INTEGER NOT NULL, retry_config TEXT, webhook TEXT,
     input_bytes INTEGER NOT NULL, store_io INTEGER NOT NULL, headers TEXT NOT NULL,
     state TEXT NOT NULL, attempt INTEGER NOT NULL, gateway_request_id TEXT NOT NULL, retries_spent TEXT NOT NULL,
     cancel_requested INTEGER NOT NULL, started_at REAL, runner_id TEXT, completed_at REAL, outcome TEXT,
     dropped_lines INTEGER NOT NULL DEFAULT 0, dropped_bytes INTEGER NOT NULL DEFAULT 0, dropped_at REAL);
   CREATE TABLE inputs(seq INTEGER PRIMARY KEY, size INTEGER NOT NULL, file TEXT, bytes BLOB);
   CREATE TABLE results(seq INTEGER PRIMARY KEY, size INTEGER NOT NULL, file TEXT, bytes BLOB);
   CREATE INDEX input_files ON inputs(file) WHERE file IS NOT NULL;
   CREATE INDEX result_files ON results(file) WHERE file IS NOT NULL;
   CREATE TABLE logs(seq INTEGER NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL, bytes INTEGER NOT NULL,
     lines TEXT NOT NULL, PRIMARY KEY(seq, first));`,
  `CREATE TABLE documents(
     collection TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY(collection, key)) WITHOUT ROWID;`,
  // The story stands in its request's row, which an attempt rewrites anyway: it costs no page of its own.
  `ALTER TABLE requests ADD COLUMN story TEXT;
   CREATE TABLE deliveries(seq INTEGER PRIMARY KEY, tries INTEGER NOT NULL, next_at REAL NOT NULL);
   CREATE TABLE kv(db TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, expires_at REAL NOT NULL, UNIQUE(db, key));
   CREATE INDEX kv_expiry ON kv(expires_at);`,
];

/** The version that this code writes. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/** Brings the database from `version` to SCHEMA_VERSION, all or nothing. */
export function migrate(db: DatabaseSync, version: number): void {
  if (version === SCHEMA_VERSION) return;
  db.exec('BEGIN IMMEDIATE');
  for (let from = version; from < SCHEMA_VERSION; from++) {
    db.exec(MIGRATIONS[from] ?? '');
    db.prepare('INSERT INTO migrations(version) VALUES(?)').run(from + 1);
  }
  db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
}
