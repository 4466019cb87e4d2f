import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createFinder, type Finder } from '../finder.ts';

const MODULES = path.resolve(import.meta.dirname, '../../../node_modules');

/** A finder over the grammars of node_modules, put side by side as the build does it. */
export async function testFinder(): Promise<Finder> {
  const wasmDir = mkdtempSync(path.join(tmpdir(), 'windtunnel-wasm-'));
  try {
    for (const name of ['web-tree-sitter/web-tree-sitter.wasm', 'tree-sitter-python/tree-sitter-python.wasm']) {
      copyFileSync(path.join(MODULES, name), path.join(wasmDir, path.basename(name)));
    }
    return await createFinder({ wasmDir });
  } finally {
    rmSync(wasmDir, { recursive: true, force: true });
  }
}
