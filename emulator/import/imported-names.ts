import { dotted, type SyntaxNode, walk } from './syntax.ts';

/** Names of a file that stand for something of a package, with what they stand for: `rp` → `runpod`. */
export type ImportedNames = ReadonlyMap<string, string>;

/** Reads every import of a package in the file, in functions too. A star import binds each of `star`. */
export function importedNames(root: SyntaxNode, top: string, star: readonly string[] = []): Map<string, string> {
  const names = new Map<string, string>();
  for (const node of walk(root)) {
    if (node.type === 'import_statement') {
      for (const item of node.childrenForFieldName('name')) {
        if (!item) continue;
        const module = (item.childForFieldName('name') ?? item).text;
        if (!isModuleOf(module, top)) continue;
        const alias = item.childForFieldName('alias')?.text;
        names.set(alias ?? top, alias === undefined ? top : module);
      }
    } else if (node.type === 'import_from_statement') {
      const module = node.childForFieldName('module_name')?.text ?? '';
      if (!isModuleOf(module, top)) continue;
      for (const item of node.childrenForFieldName('name')) {
        if (!item) continue;
        const name = (item.childForFieldName('name') ?? item).text;
        names.set(item.childForFieldName('alias')?.text ?? name, `${module}.${name}`);
      }
      if (node.namedChildren.some(({ type }) => type === 'wildcard_import')) {
        for (const name of star) if (!names.has(name)) names.set(name, `${module}.${name}`);
      }
    }
  }
  return names;
}

/** Whether a dotted module is a package or in it. */
export function isModuleOf(module: string, top: string): boolean {
  return module === top || module.startsWith(`${top}.`);
}

/** What an expression stands for in the package, e.g. `runpod.serverless.start`; null when it is nothing of it. */
export function importedPath(node: SyntaxNode | null, names: ImportedNames): string | null {
  const text = dotted(node);
  if (text === null) return null;
  const [first, ...rest] = text.split('.');
  const home = names.get(first!);
  return home === undefined ? null : [home, ...rest].join('.');
}
