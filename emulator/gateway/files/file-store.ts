import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod/mini';
import type { Clock } from '../../core/clock.ts';
import type { Disposable } from '../../core/disposable.ts';
import type { Log } from '../../core/log.ts';
import { AclSchema } from '../access/acl.ts';
import { FILE_ID } from './file-urls.ts';

const MetaSchema = z.object({
  id: z.string(),
  name: z.string(),
  contentType: z.string(),
  size: z.number(),
  etag: z.string(),
  /** ms since the epoch. */
  createdAt: z.number(),
  /** ms since the epoch; null = kept. */
  expiresAt: z.nullable(z.number()),
  /** Null, or absent in older files: anyone with the URL may read. */
  acl: z._default(z.nullable(AclSchema), null),
  owner: z._default(z.string(), 'local'),
});
export type FileMeta = z.infer<typeof MetaSchema>;

const SWEEP_MS = 3_600_000;

/**
 * Files of the local CDN: `<id>.bin` with its sidecar `<id>.json`. A file exists once its sidecar does; both are written
 * elsewhere and renamed, so that no reader sees half of one. Ids can't be guessed: who has the URL may read.
 */
export class FileStore implements Disposable {
  private readonly dir: string;
  private readonly temp: string;
  private readonly clock: Clock;
  private readonly log: Log;
  private readonly sweeper: { cancel(): void };

  constructor(dir: string, clock: Clock, log: Log) {
    this.dir = dir;
    this.temp = join(dir, 'tmp');
    this.clock = clock;
    this.log = log;
    // What a dead emulator was receiving is of no use: its upload addresses died with it.
    rmSync(this.temp, { recursive: true, force: true });
    mkdirSync(this.temp, { recursive: true, mode: 0o700 });
    this.sweeper = clock.setInterval(() => {
      this.sweep().catch((error: unknown) => log.warn('sweep of expired files failed', { error: String(error) }));
    }, SWEEP_MS);
  }

  newId(): string {
    return `wt-${randomBytes(16).toString('hex')}`;
  }

  /** A path for bytes that are still arriving. */
  newTemp(): string {
    return join(this.temp, randomBytes(12).toString('hex'));
  }

  path(id: string): string {
    return join(this.dir, `${id}.bin`);
  }

  /** Makes a synced temporary file readable under its id. */
  async publish(temp: string, meta: FileMeta): Promise<void> {
    const sidecar = this.newTemp();
    const file = await open(sidecar, 'wx', 0o600);
    try {
      await file.writeFile(JSON.stringify(meta));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temp, this.path(meta.id));
    await rename(sidecar, this.sidecar(meta.id));
  }

  /** The file of an id, or null when it has expired or never was. */
  async find(id: string): Promise<FileMeta | null> {
    if (!FILE_ID.test(id)) return null;
    let text: string;
    try {
      text = await readFile(this.sidecar(id), 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw error;
    }
    const meta = MetaSchema.parse(JSON.parse(text));
    if (meta.expiresAt === null || meta.expiresAt > this.clock.now()) return meta;
    await this.remove(id);
    return null;
  }

  /** Removes what has expired; returns how many files. */
  async sweep(): Promise<number> {
    let removed = 0;
    for (const entry of await readdir(this.dir)) {
      const id = entry.endsWith('.json') ? entry.slice(0, -5) : '';
      if (FILE_ID.test(id) && (await this.find(id)) === null) removed++;
    }
    if (removed > 0) this.log.debug('expired files were removed', { removed });
    return removed;
  }

  dispose(): void {
    this.sweeper.cancel();
  }

  private async remove(id: string): Promise<void> {
    await rm(this.sidecar(id), { force: true });
    await rm(this.path(id), { force: true });
  }

  private sidecar(id: string): string {
    return join(this.dir, `${id}.json`);
  }
}
