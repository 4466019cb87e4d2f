import type { ImportedFile, SourceFolder } from './platform.ts';
import { folderOf } from './siblings.ts';

export interface FilesSource {
  folder: SourceFolder;
  entry: string;
  /** Files that the entry imports, itself or through each other. */
  siblings: readonly string[];
  /** Files that are converted already. */
  taken: ReadonlySet<string>;
  /** Strings of the entry, some of which name files. */
  literals: ReadonlySet<string>;
}

/** Modules and named files that the app takes along, as `app_files` names them, and the files themselves. */
export function filesBeside({ folder, entry, siblings, literals, taken }: FilesSource): {
  appFiles: string[];
  files: ImportedFile[];
} {
  const home = folderOf(entry);
  const names = new Set<string>();
  const inside = (path: string): string | null =>
    home === '' ? path : path.startsWith(`${home}/`) ? path.slice(home.length + 1) : null;
  for (const path of siblings) {
    const own = inside(path);
    if (own !== null) names.add(own.split('/')[0]!);
  }
  for (const path of folder.files.keys()) {
    const own = inside(path);
    if (own !== null && own !== 'test_input.json' && path !== entry && (literals.has(own) || literals.has(`./${own}`)))
      names.add(own);
  }
  const wanted = [...folder.files.keys()].filter((path) => {
    const own = inside(path);
    if (path === entry || taken.has(path) || /(^|\/)__pycache__\/|\.pyc$/.test(path)) return false;
    return own !== null ? names.has(own.split('/')[0]!) || names.has(own) : siblings.includes(path);
  });
  return {
    appFiles: [...names],
    files: wanted.map((path) => ({ path, origin: 'copied', content: folder.files.get(path)! })),
  };
}
