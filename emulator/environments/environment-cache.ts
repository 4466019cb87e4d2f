import { lstatSync, type Stats, statSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { tryLock } from './build-lock.ts';
import { type Marker, markerPath, readMarker } from './built-folder.ts';

/** One environment on disk. */
export interface CachedEnvironment {
  key: string;
  folder: string;
  /** Null for what an interrupted build left. */
  marker: Marker | null;
  /** Bytes on disk; files that uv links into several environments count in each. */
  bytes: number;
  /** ms since the epoch; null when it was never finished. */
  lastUsedAt: number | null;
}

const KEY = /^[0-9a-f]{32}$/;

/** The folder of all environments: `<key>/` each, and `locks/`. */
export class EnvironmentCache {
  private readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  home(key: string): string {
    return path.join(this.root, key);
  }

  lockFile(key: string): string {
    return path.join(this.root, 'locks', key);
  }

  async list(): Promise<CachedEnvironment[]> {
    const found: CachedEnvironment[] = [];
    for (const key of await this.keys()) {
      const folder = this.home(key);
      const used = statSync(markerPath(folder), { throwIfNoEntry: false });
      found.push({
        key,
        folder,
        marker: readMarker(folder),
        bytes: await sizeOf(folder),
        lastUsedAt: used?.mtimeMs ?? null,
      });
    }
    return found.sort((a, b) => (b.lastUsedAt ?? 0) - (a.lastUsedAt ?? 0));
  }

  /** False when it is not there or is being built. */
  async remove(key: string): Promise<boolean> {
    if (!KEY.test(key) || !statSync(this.home(key), { throwIfNoEntry: false })) return false;
    const held = tryLock(this.lockFile(key));
    if (!held) return false;
    try {
      // The marker goes first: a removal that is interrupted leaves nothing that counts.
      await rm(markerPath(this.home(key)), { force: true });
      await rm(this.home(key), { recursive: true, force: true, maxRetries: 5 });
      return true;
    } finally {
      await held.dispose();
    }
  }

  /** Removes what no marker makes count and no living process builds. */
  async sweep(): Promise<string[]> {
    const removed: string[] = [];
    for (const key of await this.keys()) {
      if (readMarker(this.home(key)) === null && (await this.remove(key))) removed.push(key);
    }
    return removed;
  }

  private async keys(): Promise<string[]> {
    try {
      return (await readdir(this.root)).filter((name) => KEY.test(name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }
}

async function sizeOf(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const stat: Stats | undefined = lstatSync(path.join(entry.parentPath, entry.name), { throwIfNoEntry: false });
    bytes += stat?.size ?? 0;
  }
  return bytes;
}
