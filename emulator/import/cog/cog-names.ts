import { type ImportedNames, importedNames, importedPath } from '../imported-names.ts';
import type { SyntaxNode } from '../syntax.ts';

/** What code takes from Cog, by its last name, and what stands in its place: an import, a definition, or nothing. */
export type Replacement =
  | { kind: 'import'; module: string; name: string }
  | { kind: 'define'; lines: readonly string[] }
  /** Its uses are edited away. */
  | { kind: 'gone' };

const SCOPE = [
  'class Scope:',
  '    context = {}',
  '',
  '    def record_metric(self, name, value, mode="replace"):',
  '        print("metric:", name, value, flush=True)',
];

export const REPLACEMENTS: Readonly<Record<string, Replacement>> = {
  BasePredictor: { kind: 'gone' },
  BaseRunner: { kind: 'gone' },
  Input: { kind: 'gone' },
  streaming: { kind: 'gone' },
  concurrent: { kind: 'gone' },
  Path: { kind: 'import', module: 'pathlib', name: 'Path' },
  URLPath: { kind: 'import', module: 'pathlib', name: 'Path' },
  Weights: { kind: 'import', module: 'pathlib', name: 'Path' },
  File: { kind: 'import', module: 'io', name: 'IOBase' },
  URLFile: { kind: 'import', module: 'io', name: 'IOBase' },
  Secret: { kind: 'import', module: 'pydantic', name: 'SecretStr' },
  BaseModel: { kind: 'import', module: 'pydantic', name: 'BaseModel' },
  ConcatenateIterator: { kind: 'import', module: 'typing', name: 'Iterator' },
  AsyncConcatenateIterator: { kind: 'import', module: 'typing', name: 'AsyncIterator' },
  AsyncIterator: { kind: 'import', module: 'typing', name: 'AsyncIterator' },
  Iterator: { kind: 'import', module: 'typing', name: 'Iterator' },
  CancelationException: { kind: 'define', lines: ['class CancelationException(BaseException):', '    pass'] },
  ExperimentalFeatureWarning: {
    kind: 'define',
    lines: ['class ExperimentalFeatureWarning(FutureWarning):', '    pass'],
  },
  ModelError: { kind: 'define', lines: ['class ModelError(Exception):', '    pass'] },
  emit_metric: {
    kind: 'define',
    lines: ['def emit_metric(name, value):', '    print("metric:", name, value, flush=True)'],
  },
  current_scope: { kind: 'define', lines: [...SCOPE, '', '', 'def current_scope():', '    return Scope()'] },
  __version__: { kind: 'define', lines: ['__version__ = "0"'] },
};

// Modules of the package that are imported from by name.
const MODULES = /^cog(\.(types|model|input|predictor|errors|base_predictor|base_input|base_model|server(\.\w+)*))?$/;

export const cogNames = (root: SyntaxNode): Map<string, string> =>
  importedNames(root, 'cog', Object.keys(REPLACEMENTS));

/** `Input` of an expression that stands for `cog.Input`, `cog.types.Path` and so on; null when it is nothing of Cog's. */
export function cogName(node: SyntaxNode | null, names: ImportedNames): string | null {
  const path = importedPath(node, names);
  if (path === null) return null;
  const at = path.lastIndexOf('.');
  return at > 0 && MODULES.test(path.slice(0, at)) ? path.slice(at + 1) : null;
}

/** Whether a module may be imported from although it is Cog's: everything in it has a replacement or is marked. */
export const isCogModule = (module: string): boolean => module === 'cog' || module.startsWith('cog.');
