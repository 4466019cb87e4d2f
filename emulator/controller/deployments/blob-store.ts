import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync } from 'node:fs';
import { open, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { WindtunnelError } from '../../contract/index.ts';
import type { Clock } from '../../core/clock.ts';

/** What no deployment names after a week was uploaded for one that never came. */
const UNUSED_MS = 7 * 24 * 3600 * 1000;
const TEMPORARY = '.part-';

/** Uploaded app files and pickled apps, each in a file under its hash; whole and synced, or not there. */
export class BlobStore {
  private readonly dir: string;

  constructor(dir: string) {
    this.dir = dir;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  }

  /** Absolute path of a blob, whether it is there or not. Throws E_BAD_REQUEST for what is no hash. */
  path(hash: string): string {
    if (/^[0-9a-f]{64}$/.test(hash)) return path.join(this.dir, hash);
    throw new WindtunnelError('E_BAD_REQUEST', `Not a SHA-256 in hex: ${JSON.stringify(hash)}`);
  }

  has(hash: string): boolean {
    return existsSync(this.path(hash));
  }

  /** A new empty file beside the blobs; `adopt` makes it one. */
  temporary(): string {
    return path.join(this.dir, TEMPORARY + randomBytes(8).toString('hex'));
  }

  /** Keeps bytes under their own hash. */
  async put(bytes: Uint8Array): Promise<string> {
    const hash = createHash('sha256').update(bytes).digest('hex');
    if (this.has(hash)) return hash;
    const file = this.temporary();
    const handle = await open(file, 'wx', 0o600);
    try {
      await handle.writeFile(bytes);
    } finally {
      await handle.close();
    }
    await this.adopt(file, hash);
    return hash;
  }

  /** Makes a temporary file the blob of that name: synced, then renamed. */
  async adopt(file: string, hash: string): Promise<void> {
    const handle = await open(file, 'r+');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(file, this.path(hash));
    const folder = await open(this.dir, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }

  /**
   * The SDK's name of a file: SHA-256 of its content and of the decimal text of its mode (file_sync.py, compute_hash). For the
   * file itself `mode` is the mode that it has at the client.
   */
  async hashOf(file: string, mode: string): Promise<string> {
    const hash = createHash('sha256');
    for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
    return hash.update(mode).digest('hex');
  }

  /** Removes what interrupted uploads left, and what is old and named by no `used` hash. Returns how many. */
  async sweep(used: ReadonlySet<string>, clock: Clock): Promise<number> {
    let removed = 0;
    for (const name of await readdir(this.dir)) {
      if (used.has(name)) continue;
      const file = path.join(this.dir, name);
      const old = clock.now() - (await stat(file)).mtimeMs > UNUSED_MS;
      if (!old && !name.startsWith(TEMPORARY)) continue;
      await rm(file, { force: true });
      removed++;
    }
    return removed;
  }
}
