import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Failpoints } from '../core/failpoints.ts';
import { endsBatch, saysNoTransaction, toFailure } from './failure.ts';
import { bodiesPath } from './layout.ts';
import type { Acks, NumberedOp, Sabotage } from './protocol.ts';
import { isRead, opBytes, type Statements } from './statements.ts';

/** Upper bounds of one transaction; what has arrived beyond them waits for the next. */
const BATCH_OPS = 256;
const BATCH_BYTES = 4 * 1024 * 1024;
/** How long the sabotaged writer leaves an acknowledgement ahead of its commit. */
const SABOTAGE_PAUSE_MS = 50;

export interface CommitterOptions {
  db: DatabaseSync;
  statements: Statements;
  dir: string;
  failpoints: Failpoints;
  sabotage: Sabotage | null;
  answer(acks: Acks): void;
}

/**
 * Commits what has arrived: no timer, the commit in progress is the window in which the next batch gathers. Lives in the writer
 * thread.
 */
export class Committer {
  private queue: NumberedOp[] = [];
  private scheduled = false;
  private readonly options: CommitterOptions;
  private readonly savepoint;

  constructor(options: CommitterOptions) {
    this.options = options;
    const { db } = options;
    this.savepoint = {
      begin: db.prepare('SAVEPOINT op'),
      undo: db.prepare('ROLLBACK TO op'),
      end: db.prepare('RELEASE op'),
    };
  }

  push(ops: NumberedOp[]): void {
    for (const op of ops) this.queue.push(op);
    this.schedule();
  }

  /** Commits all that waits, now. */
  drain(): void {
    while (this.queue.length > 0) this.commit(this.takeBatch());
  }

  private schedule(): void {
    if (this.scheduled || this.queue.length === 0) return;
    this.scheduled = true;
    // After the messages of this turn of the loop, so that they share the commit.
    setImmediate(() => {
      this.scheduled = false;
      this.commit(this.takeBatch());
      this.schedule();
    });
  }

  private takeBatch(): NumberedOp[] {
    let count = 0;
    for (let bytes = 0; count < Math.min(this.queue.length, BATCH_OPS); count++) {
      bytes += opBytes(this.queue[count]!);
      if (bytes > BATCH_BYTES && count > 0) break;
    }
    return this.queue.splice(0, count);
  }

  private commit(batch: NumberedOp[]): void {
    const { statements, dir } = this.options;
    const acks: Acks = { done: [], failed: [], values: [] };
    if (batch.some((op) => !isRead(op))) this.write(batch, acks);
    for (const op of batch) {
      if (!isRead(op)) continue;
      try {
        acks.values.push([op.n, statements.read(op)]);
      } catch (error) {
        acks.failed.push([op.n, toFailure(error, dir)]);
      }
    }
    this.options.answer(acks);
  }

  private write(batch: NumberedOp[], acks: Acks): void {
    const { db, dir, failpoints } = this.options;
    const hasResult = batch.some((op) => op.kind === 'complete');
    const files: string[] = [];
    try {
      db.exec('BEGIN IMMEDIATE');
      for (const op of batch) this.applyOne(op, acks, files);
      failpoints.hit('store.before-commit');
      if (hasResult) failpoints.hit('store.result-before-commit');
      if (this.options.sabotage === 'ack-before-commit') this.answerTooEarly(acks);
      db.exec('COMMIT');
    } catch (error) {
      this.rollBack();
      const failure = toFailure(error, dir);
      acks.done = [];
      acks.failed = batch.flatMap((op): Acks['failed'] => (isRead(op) ? [] : [[op.n, failure]]));
      return;
    }
    failpoints.hit('store.after-commit-before-ack');
    if (hasResult) failpoints.hit('store.result-after-commit');
    for (const file of files) rmSync(join(bodiesPath(dir), file), { force: true });
  }

  /** One operation in a savepoint: when it fails by itself, the others of the batch go on without it. */
  private applyOne(op: NumberedOp, acks: Acks, files: string[]): void {
    if (isRead(op)) return;
    const { statements, dir } = this.options;
    this.savepoint.begin.run();
    try {
      files.push(...statements.apply(op));
      acks.done.push(op.n);
    } catch (error) {
      if (endsBatch(error)) throw error;
      this.savepoint.undo.run();
      acks.failed.push([op.n, toFailure(error, dir)]);
    }
    this.savepoint.end.run();
  }

  private rollBack(): void {
    try {
      this.options.db.exec('ROLLBACK');
    } catch (error) {
      // SQLite has ended the transaction by itself after some errors (disk full). What else is wrong ends the worker.
      if (!saysNoTransaction(error)) throw error;
    }
  }

  private answerTooEarly(acks: Acks): void {
    this.options.answer({ ...acks, values: [] });
    acks.done = [];
    acks.failed = [];
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SABOTAGE_PAUSE_MS);
  }
}
