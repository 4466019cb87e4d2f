import { readFile } from 'node:fs/promises';
import { type FoundApp, type FoundEndpoint, WindtunnelError } from '../contract/index.ts';
import { checkSource } from './checks/check-source.ts';
import type { SourceFinding } from './checks/finding.ts';
import type { ClassModel } from './class-model.ts';
import { decodeSource, normalizeNewlines } from './decode-source.ts';
import { type FolderFinding, findInFolder } from './find-in-folder.ts';
import type { FunctionModel } from './function-model.ts';
import { loadPythonParser, type PythonParser, type SyntaxNode } from './python-parser.ts';
import { readModule } from './read-module.ts';
import { repairSource } from './repair-source.ts';
import { healthCheck, settingsOfClass, settingsOfFunction } from './settings.ts';
import { UNKNOWN } from './value.ts';

export interface Finder {
  /** Apps of one file's text, in source order. Never throws: of a broken file, what can be read. */
  findInSource(source: string, file: string): FoundApp[];
  /** What will go wrong at fal in one file's text, for diagnostics as one types and before a deployment. Never throws. */
  checkSource(source: string): SourceFinding[];
  /** Rejects with E_FILE_UNREADABLE. */
  findInFile(file: string): Promise<FoundApp[]>;
  /** Apps of all Python files below a folder; what was left out is counted in the answer. */
  findInFolder(folder: string, options?: { maxFiles?: number; signal?: AbortSignal }): Promise<FolderFinding>;
}

/** A finder over the grammars in `wasmDir`. Runs no Python. */
export const createFinder = async ({ wasmDir }: { wasmDir: string }): Promise<Finder> =>
  finderOf(await loadPythonParser(wasmDir));

/** The same over a parser that is there already. */
export function finderOf(parser: PythonParser): Finder {
  const findInSource = (source: string, file: string): FoundApp[] => {
    // Nothing of fal can be in a file that never says its name; most files of a folder end here.
    if (!source.includes('fal')) return [];
    const text = normalizeNewlines(source);
    const apps = parser.withTree(text, (root) => (root.hasError ? null : appsOf(root, file)));
    return apps ?? parser.withTree(repairSource(text), (root) => appsOf(root, file));
  };

  const findInFile = async (file: string): Promise<FoundApp[]> => {
    let bytes: Uint8Array;
    try {
      bytes = await readFile(file);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new WindtunnelError('E_FILE_UNREADABLE', `Cannot read ${file}: ${reason}`, { cause });
    }
    return findInSource(decodeSource(bytes), file);
  };

  return {
    findInSource,
    checkSource(source) {
      const apps = findInSource(source, '');
      if (apps.length === 0) return [];
      const text = normalizeNewlines(source);
      const findings = parser.withTree(text, (root) => (root.hasError ? null : checkSource(root, apps)));
      return findings ?? parser.withTree(repairSource(text), (root) => checkSource(root, apps));
    },
    findInFile,
    findInFolder: (folder, options = {}) => findInFolder(folder, findInFile, options),
  };
}

function appsOf(root: SyntaxNode, file: string): FoundApp[] {
  const apps: FoundApp[] = [];
  for (const [symbol, binding] of readModule(root).names) {
    if (binding.kind === 'class' && binding.model.isApp && binding.model.name === symbol) {
      apps.push(classApp(binding.model, file));
    } else if (binding.kind === 'function' && binding.model.options && binding.model.name === symbol) {
      apps.push(functionApp(binding.model, file));
    }
  }
  return apps.sort((a, b) => a.lines.start - b.lines.start);
}

function classApp(model: ClassModel, file: string): FoundApp {
  const { settings, unresolved } = settingsOfClass(model);
  const methods = new Map<string, FunctionModel | null>();
  for (const cls of model.mro.toReversed()) for (const [name, method] of cls.methods) methods.set(name, method);
  const endpoints: FoundEndpoint[] = [];
  for (const method of methods.values()) {
    if (method?.endpoint === 'unresolved') unresolved.push(`endpoint ${method.name}`);
    // A method that is bound to a second name is still one route.
    else if (method?.endpoint && !endpoints.includes(method.endpoint)) endpoints.push(method.endpoint);
  }
  const checked = [...methods.values()].find((method) => method?.healthCheck && method.endpoint !== 'unresolved');
  if (checked?.healthCheck && checked.endpoint && checked.endpoint !== 'unresolved') {
    const check = healthCheck(checked.endpoint.path, checked.healthCheck);
    if (check === null) unresolved.push('health_check');
    else settings.healthCheck = check;
  }
  endpoints.sort((a, b) => a.lines.start - b.lines.start);
  const name = model.appName === UNKNOWN ? '' : model.appName;
  return { file, symbol: model.name, kind: 'app', name, lines: model.lines, endpoints, settings, unresolved };
}

function functionApp(model: FunctionModel, file: string): FoundApp {
  const options = model.options ?? new Map();
  const { settings, unresolved } = settingsOfFunction(options);
  // A served function has one route. Source: `ServeWrapper.collect_routes`.
  const serve = options.get('serve') === true;
  const endpoint: FoundEndpoint = {
    path: '/',
    method: model.name,
    kind: 'http',
    healthCheck: false,
    lines: model.lines,
  };
  return {
    file,
    symbol: model.name,
    kind: 'function',
    name: model.name,
    lines: model.lines,
    endpoints: serve ? [endpoint] : [],
    settings,
    unresolved,
  };
}
