import type { Ledger } from './ledger.ts';
import type { SourceFolder } from './platform.ts';
import { syntaxFault } from './python-faults/syntax-fault.ts';
import { readSource, type SourceText } from './source-text.ts';
import { definitions, type PythonParser, type SyntaxNode, walk } from './syntax.ts';

/** Python files beside the entry that it imports, directly or through each other, with the folder they are found in. */
export function importedFiles(folder: SourceFolder, entry: string, root: SyntaxNode, parser: PythonParser): string[] {
  const found = new Set<string>();
  const visit = (file: string, node: SyntaxNode): void => {
    for (const module of importedModules(node)) {
      const next = moduleFile(folder, entry, file, module);
      if (next === null || next === entry || found.has(next)) continue;
      found.add(next);
      const source = readSource(folder.files.get(next)!);
      if (typeof source !== 'string') parser.withTree(source.text, (child) => visit(next, child));
    }
  };
  visit(entry, root);
  return [...found];
}

/** Dotted modules that a file imports; leading dots stay. `from a import b` counts as `a` and as `a.b`. */
function importedModules(root: SyntaxNode): string[] {
  const modules: string[] = [];
  for (const node of walk(root)) {
    if (node.type === 'import_statement') {
      for (const item of node.childrenForFieldName('name')) {
        if (item) modules.push((item.childForFieldName('name') ?? item).text);
      }
    } else if (node.type === 'import_from_statement') {
      const module = node.childForFieldName('module_name')?.text ?? '';
      modules.push(module);
      for (const item of node.childrenForFieldName('name')) {
        const name = item ? (item.childForFieldName('name') ?? item).text : '';
        modules.push(module.endsWith('.') ? `${module}${name}` : `${module}.${name}`);
      }
    }
  }
  return modules;
}

/** The file of a module, looked for where Python would: beside the entry, in `src`, at the top; relative to the importer. */
function moduleFile(folder: SourceFolder, entry: string, importer: string, module: string): string | null {
  const home = folderOf(entry);
  const dots = /^\.*/.exec(module)![0].length;
  const tail = module.slice(dots).replaceAll('.', '/');
  let bases = [home, join(home, 'src'), ''];
  if (dots > 0) {
    let base = folderOf(importer);
    for (let level = 1; level < dots; level++) base = folderOf(base);
    bases = [base];
  }
  for (const base of bases) {
    for (const name of [`${tail}.py`, `${tail}/__init__.py`]) {
      const path = join(base, name.replace(/^\//, ''));
      if (folder.files.has(path)) return path;
    }
  }
  return null;
}

export function folderOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
}

export function join(base: string, name: string): string {
  return base === '' ? name : `${base}/${name}`;
}

/** Calls `use` with the definitions of all the files, whose trees live as long. */
export function withDefinitions<T>(
  folder: SourceFolder,
  files: readonly string[],
  parser: PythonParser,
  use: (lookup: (name: string) => SyntaxNode | null, trees: ReadonlyMap<string, SyntaxNode>) => T,
): T {
  const trees = new Map<string, SyntaxNode>();
  const open = (index: number): T => {
    const file = files[index];
    if (file === undefined) {
      const all = [...trees.values()].map(definitions);
      return use((name) => all.find((found) => found.has(name))?.get(name) ?? null, trees);
    }
    const source = readSource(folder.files.get(file)!);
    if (typeof source === 'string') return open(index + 1);
    return parser.withTree(source.text, (root) => {
      trees.set(file, root);
      return open(index + 1);
    });
  };
  return open(0);
}

/** The files that Python can import, with their trees. Each other one stays as it is, and the report says why. */
export function soundSiblings(
  folder: SourceFolder,
  files: readonly string[],
  trees: ReadonlyMap<string, SyntaxNode>,
  ledger: Ledger,
): { file: string; tree: SyntaxNode; form: SourceText }[] {
  return files.flatMap((file) => {
    const tree = trees.get(file);
    const form = readSource(folder.files.get(file)!);
    const fault = typeof form === 'string' ? { line: 1, what: form } : tree ? syntaxFault(tree, form.text) : null;
    if (tree && typeof form !== 'string' && !fault) return [{ file, tree, form }];
    ledger.note('F008', 'CHECK', {
      source: { file, line: fault?.line ?? 1 },
      text: file,
      reason: `Python cannot import this file: ${fault?.what ?? 'it was not read'}. It was left as it is.`,
      next: 'Mend it and import again: the app fails where it imports it.',
    });
    ledger.item('file', { file, line: 1 }, file, 'reported');
    return [];
  });
}
