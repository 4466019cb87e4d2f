import { basename, isAbsolute, relative } from 'node:path';
import ignore from 'ignore';

/** Names the rule by which a change of this file reloads nothing, or null. */
export type IgnoreRule = (path: string) => string | null;

const FOLDERS: Readonly<Record<string, string>> = {
  __pycache__: 'python cache',
  '.mypy_cache': 'tool cache',
  '.pytest_cache': 'tool cache',
  '.ruff_cache': 'tool cache',
  '.ipynb_checkpoints': 'tool cache',
  '.cache': 'tool cache',
  '.git': 'version control',
  '.hg': 'version control',
  '.svn': 'version control',
  '.venv': 'virtual environment',
  venv: 'virtual environment',
  'site-packages': 'virtual environment',
  node_modules: 'installed packages',
  '.idea': 'editor files',
  '.vscode': 'editor files',
  '.windtunnel': "Windtunnel's own files",
  outputs: 'outputs',
  output: 'outputs',
  logs: 'logs',
};

const SUFFIXES: readonly [RegExp, string][] = [
  [/\.py[cod]$/, 'python cache'],
  [/\.log(\.\d+)?$/, 'logs'],
  [/(\.swp|\.swx|~|\.tmp|\.part)$/, 'editor files'],
  [/^\.#|^#.*#$|^4913$/, 'editor files'],
  [/^\.DS_Store$/, 'editor files'],
  [/\.(db|sqlite3?)(-wal|-shm|-journal)?$/, 'databases'],
];

/**
 * The rules of this workspace: caches, logs, outputs, virtual environments, Windtunnel's state, then the globs of `watch.ignore`
 * (as in .gitignore, relative to the workspace). `stateFolders` are absolute.
 */
export function ignoreRules(
  workspace: string,
  stateFolders: readonly string[],
  globs: readonly string[] = [],
): IgnoreRule {
  const user = ignore().add([...globs]);
  return (path) => {
    if (stateFolders.some((folder) => isInside(folder, path))) return "Windtunnel's own files";
    for (const part of path.split('/')) {
      const rule = Object.hasOwn(FOLDERS, part) ? FOLDERS[part] : undefined;
      if (rule !== undefined && isInside(workspace, path) && relative(workspace, path).split('/').includes(part))
        return rule;
    }
    const name = basename(path);
    for (const [pattern, rule] of SUFFIXES) if (pattern.test(name)) return rule;
    const inWorkspace = relative(workspace, path);
    if (globs.length > 0 && isInside(workspace, path) && inWorkspace !== '' && user.ignores(inWorkspace)) {
      return 'watch.ignore';
    }
    return null;
  };
}

function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === '' || (way !== '..' && !way.startsWith('../') && !isAbsolute(way));
}
