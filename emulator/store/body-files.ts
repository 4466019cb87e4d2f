import { randomUUID } from 'node:crypto';
import { open, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { LIMITS } from '../contract/limits.ts';
import type { Failpoints } from '../core/failpoints.ts';
import { bodiesPath } from './layout.ts';
import type { BodyRow } from './protocol.ts';
import type { StoredBody } from './store.ts';

/** A body ready for its row. `written` names a file that the store made for it and removes if the row is refused. */
export interface PreparedBody {
  row: BodyRow;
  written: string | null;
}

/** Bodies beside the database. Syncing runs on libuv's threads: neither the loop nor the writer waits for it. */
export class BodyFiles {
  private readonly folder: string;
  private readonly failpoints: Failpoints;

  constructor(dir: string, failpoints: Failpoints) {
    this.folder = bodiesPath(dir);
    this.failpoints = failpoints;
  }

  newPath(): string {
    return join(this.folder, randomUUID());
  }

  pathOf(name: string): string {
    return join(this.folder, name);
  }

  /**
   * A copy of small bytes, at once (their buffer may be reused, or be a view of a large pool; the copy is moved to the writer);
   * a promise where something must reach the disk first.
   */
  prepare(body: StoredBody): PreparedBody | Promise<PreparedBody> {
    if (body.kind === 'file') return this.adopt(body.path, body.size);
    if (body.bytes.byteLength > LIMITS.inlineBodyBytes) return this.write(body.bytes);
    return { row: { size: body.bytes.byteLength, file: null, bytes: new Uint8Array(body.bytes) }, written: null };
  }

  async remove(path: string): Promise<void> {
    await rm(path, { force: true });
  }

  private async adopt(path: string, size: number): Promise<PreparedBody> {
    if (dirname(path) !== this.folder) throw new Error(`${path} was not made by newBodyFile`);
    const handle = await open(path, 'r+');
    try {
      const found = (await handle.stat()).size;
      if (found !== size) throw new Error(`${path} holds ${found} bytes where ${size} were announced`);
      await handle.datasync();
    } finally {
      await handle.close();
    }
    return this.synced(path, size, null);
  }

  private async write(bytes: Uint8Array): Promise<PreparedBody> {
    const path = this.newPath();
    try {
      const handle = await open(path, 'wx', 0o600);
      try {
        await handle.writeFile(bytes);
        await handle.datasync();
      } finally {
        await handle.close();
      }
      return await this.synced(path, bytes.byteLength, path);
    } catch (error) {
      await this.remove(path);
      throw error;
    }
  }

  /** The name of a file is durable only when its folder is synced too. */
  private async synced(path: string, size: number, written: string | null): Promise<PreparedBody> {
    const folder = await open(this.folder, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
    this.failpoints.hit('store.body-file-synced');
    return { row: { size, file: basename(path), bytes: null }, written };
  }
}
