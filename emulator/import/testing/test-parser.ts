import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { loadPythonParser } from '../../find/python-parser.ts';
import type { PythonParser } from '../syntax.ts';

const MODULES = path.resolve(import.meta.dirname, '../../../node_modules');

/** The parser of emulator/find over the grammars of node_modules, put side by side as the build does it. */
export async function testParser(): Promise<PythonParser> {
  const wasmDir = mkdtempSync(path.join(tmpdir(), 'windtunnel-wasm-'));
  try {
    for (const name of ['web-tree-sitter/web-tree-sitter.wasm', 'tree-sitter-python/tree-sitter-python.wasm']) {
      copyFileSync(path.join(MODULES, name), path.join(wasmDir, path.basename(name)));
    }
    return await loadPythonParser(wasmDir);
  } finally {
    rmSync(wasmDir, { recursive: true, force: true });
  }
}
