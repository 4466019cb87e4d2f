import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { SourceBundle } from '../../contract/index.ts';

export interface SourceFile {
  path: string;
  size: number;
  mode: number;
}

/** Folders that hold no source of the app. */
const SKIPPED = new Set(['node_modules', 'venv', 'env', 'site-packages', '__pycache__']);
const IMPORTABLE = /\.(py|so|pyi)$/;
/** A module may read a small file beside it while it is imported (a prompt, a list of labels). Bytes. */
const DATA_BYTES = 1024 * 1024;
const MODULE_BYTES = 64 * 1024 * 1024;
const MAX_FILES = 20_000;
const MAX_BYTES = 256 * 1024 * 1024;

/**
 * What of the workspace a container gets to import the app from, as the machine has it that runs `fal deploy`: modules and
 * small files, without hidden ones (`.env`, `.git`), environments and caches. What of it the deploy would not ship is
 * refused by the harness, which must see it for that.
 */
export async function sourceFiles(bundle: SourceBundle): Promise<{ files: SourceFile[]; cut: boolean }> {
  const found = new Map<string, SourceFile>();
  let bytes = 0;
  let cut = false;
  const add = (file: SourceFile) => {
    if (found.has(file.path)) return;
    if (found.size >= MAX_FILES || bytes + file.size > MAX_BYTES) {
      cut = true;
      return;
    }
    bytes += file.size;
    found.set(file.path, file);
  };
  const main = await stat(bundle.main);
  add({ path: bundle.main, size: main.size, mode: main.mode });
  const walk = async (folder: string): Promise<void> => {
    for (const entry of await entriesOf(folder)) {
      if (cut || entry.name.startsWith('.')) continue;
      const file = path.join(folder, entry.name);
      if (entry.isDirectory()) {
        if (!SKIPPED.has(entry.name)) await walk(file);
      } else if (entry.isFile() || entry.isSymbolicLink()) {
        const info = await stat(file).catch(() => null);
        if (!info?.isFile()) continue; // A dangling link, or one to a folder.
        if (info.size > (IMPORTABLE.test(entry.name) ? MODULE_BYTES : DATA_BYTES)) continue;
        add({ path: file, size: info.size, mode: info.mode });
      }
    }
  };
  for (const root of [bundle.root, ...bundle.guarded]) await walk(root);
  return { files: [...found.values()], cut };
}

async function entriesOf(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    // Another user's folder, or one that was removed meanwhile: nothing to import from there.
    if (code === 'EACCES' || code === 'ENOENT' || code === 'EPERM') return [];
    throw error;
  }
}
