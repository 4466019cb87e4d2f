import { createHash, type Hash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { IgnoreRule } from './ignore-rules.ts';

// Weights and the like: reading gigabytes at each save would cost more than the rare reload that it spares.
const HASHED_BYTES = 8 * 1024 * 1024;

/** Hash over names and bytes of a file or folder; what is missing or ignored counts as nothing. */
export function contentDigest(path: string, ignored: IgnoreRule): string {
  const hash = createHash('sha256');
  add(hash, path, ignored);
  return hash.digest('hex');
}

function add(hash: Hash, path: string, ignored: IgnoreRule): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return;
  if (stat.isDirectory()) {
    for (const name of readdirSync(path).sort()) {
      const child = join(path, name);
      if (ignored(child) === null) add(hash, child, ignored);
    }
  } else if (stat.isFile()) {
    hash.update(`\0${path}\0${stat.size}\0`);
    hash.update(stat.size <= HASHED_BYTES ? readFileSync(path) : String(stat.mtimeMs));
  }
}
