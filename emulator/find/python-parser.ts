import path from 'node:path';
import { Language, type Node, Parser } from 'web-tree-sitter';

export type SyntaxNode = Node;

/** Parses Python; trees live in wasm memory, so each is freed when `use` returns. */
export interface PythonParser {
  /** Calls `use` with the root of the tree and frees the tree after. */
  withTree<T>(source: string, use: (root: SyntaxNode) => T): T;
}

/** Loads both grammars from `wasmDir` (`web-tree-sitter.wasm`, `tree-sitter-python.wasm`). Once a process is enough. */
export async function loadPythonParser(wasmDir: string): Promise<PythonParser> {
  await Parser.init({ locateFile: (name: string) => path.join(wasmDir, name) });
  const parser = new Parser();
  parser.setLanguage(await Language.load(path.join(wasmDir, 'tree-sitter-python.wasm')));
  return {
    withTree(source, use) {
      const tree = parser.parse(source);
      if (!tree) throw new Error('tree-sitter gave no tree');
      try {
        return use(tree.rootNode);
      } finally {
        tree.delete();
      }
    },
  };
}
