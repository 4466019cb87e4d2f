import type { Clock } from '../core/clock.ts';
import type { WriterThread } from './writer-thread.ts';

/** Values by database and key, each with its end. A promise resolves after COMMIT. Rejects with E_DISK_FULL or E_STORE. */
export interface KeyValueStore {
  /** Null where there is none, or no more. */
  get(db: string, key: string): Promise<string | null>;
  /** `ttl` in seconds from now. */
  set(db: string, key: string, value: string, ttl: number): Promise<void>;
  delete(db: string, key: string): Promise<void>;
}

/** KeyValueStore over the writer thread. Nothing is kept in memory: what apps share is small and read rarely. */
export class SqliteKeyValueStore implements KeyValueStore {
  private readonly writer: () => WriterThread;
  private readonly clock: Clock;

  constructor(writer: () => WriterThread, clock: Clock) {
    this.writer = writer;
    this.clock = clock;
  }

  get(db: string, key: string): Promise<string | null> {
    return this.writer().send<'kv-get'>({ kind: 'kv-get', db, key, now: this.clock.now() });
  }

  async set(db: string, key: string, value: string, ttl: number): Promise<void> {
    const expiresAt = this.clock.now() + ttl * 1000;
    await this.writer().send<'kv-set'>({ kind: 'kv-set', db, key, value, expiresAt });
  }

  async delete(db: string, key: string): Promise<void> {
    await this.writer().send<'kv-delete'>({ kind: 'kv-delete', db, key });
  }

  /** Removes what has ended. */
  async expire(): Promise<void> {
    await this.writer().send<'kv-expire'>({ kind: 'kv-expire', now: this.clock.now() });
  }
}
