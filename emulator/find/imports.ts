import type { SyntaxNode } from './python-parser.ts';
import { type Scope, UNKNOWN_BINDING } from './scope.ts';

/** SDK modules that define what `fal` re-exports: `from fal.app import App` is `fal.App`. Source: fal SDK 1.83. */
const HOMES = /^(app|api|api\.api|sdk|container|realtime)$/;

/** Binds what an import statement brings in; only fal's names carry a meaning. */
export function bindImport(node: SyntaxNode, scope: Scope): void {
  if (node.type === 'import_statement') {
    for (const name of node.childrenForFieldName('name')) if (name) bindModule(name, scope);
    return;
  }
  const module = node.childForFieldName('module_name')?.text ?? '';
  const home = /^fal(?:\.(.+))?$/.exec(module);
  if (node.namedChildren.some((child) => child.type === 'wildcard_import')) {
    if (module === 'fal')
      for (const name of ['App', 'endpoint', 'realtime', 'function', 'HealthCheck', 'ContainerImage']) {
        scope.bind(name, { kind: 'fal', path: name });
      }
    return;
  }
  for (const item of node.childrenForFieldName('name')) {
    if (!item) continue;
    const original = (item.childForFieldName('name') ?? item).text;
    const local = item.childForFieldName('alias')?.text ?? original;
    if (home) scope.bind(local, { kind: 'fal', path: falPath(home[1] ?? '', original) });
    else if (original === 'TYPE_CHECKING') scope.bindValue(local, false);
    else scope.bind(local, UNKNOWN_BINDING);
  }
}

function bindModule(item: SyntaxNode, scope: Scope): void {
  const dotted = (item.childForFieldName('name') ?? item).text;
  const alias = item.childForFieldName('alias')?.text;
  const [top, ...rest] = dotted.split('.');
  // `import fal.toolkit` binds `fal`; `import fal.toolkit as t` binds the submodule.
  const path = alias === undefined ? '' : rest.join('.');
  scope.bind(alias ?? top ?? '', top === 'fal' ? { kind: 'fal', path } : UNKNOWN_BINDING);
}

/** Path of an SDK name as the finder knows it. */
export function falPath(module: string, name: string): string {
  return module === '' || HOMES.test(module) ? name : `${module}.${name}`;
}
