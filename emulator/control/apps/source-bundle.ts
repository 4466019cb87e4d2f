import { existsSync, lstatSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { type FoundApp, type SourceBundle, WindtunnelError } from '../../contract/index.ts';

/** Source: `DEFAULT_APP_FILES_IGNORE` of the fal SDK 1.83 (`fal/app.py`). Regular expressions over the relative path. */
const DEFAULT_IGNORE = ['\\.pyc$', '__pycache__/', '\\.git/', '\\.DS_Store$'];

/**
 * What `fal deploy` would ship of an app: its module or package, its `local_python_modules` and its `app_files`. Throws
 * E_FILE_UNREADABLE for a named file that is not there.
 */
export function sourceBundle(app: FoundApp, workspace: string): SourceBundle {
  const main = realpathSync(app.file);
  const { root, module } = topModule(main);
  return {
    root,
    main,
    modules: [...new Set([module, ...app.settings.localPythonModules.map((name) => name.split('.')[0] ?? name)])],
    files: appFiles(app, main),
    guarded: [...new Set([workspace, root])],
  };
}

/** Folder of the top package's parent, and the name of the top package or module. */
function topModule(main: string): { root: string; module: string } {
  let root = dirname(main);
  let module = basename(main).replace(/\.py$/, '');
  while (existsSync(join(root, '__init__.py')) && root !== dirname(root)) {
    module = basename(root);
    root = dirname(root);
  }
  return { root, module };
}

function appFiles(app: FoundApp, main: string): SourceBundle['files'] {
  const { appFiles: names, appFilesContextDir, appFilesIgnore } = app.settings;
  if (names.length === 0) return [];
  const context = resolve(dirname(main), appFilesContextDir ?? '.');
  const ignored = (appFilesIgnore ?? DEFAULT_IGNORE).map((pattern) => pythonRegExp(pattern, app));
  const found = new Map<string, string>();
  for (const name of names) {
    const path = isAbsolute(name) ? name : join(context, name);
    for (const file of filesUnder(path, app)) {
      const to = relative(context, file);
      if (to.startsWith('..')) throw outside(app, file, context);
      if (!ignored.some((pattern) => pattern.test(to))) found.set(to, file);
    }
  }
  return [...found].map(([to, from]) => ({ from, to }));
}

function* filesUnder(path: string, app: FoundApp): Generator<string> {
  let folder: boolean;
  try {
    folder = statSync(path).isDirectory();
  } catch (cause) {
    throw new WindtunnelError(
      'E_FILE_UNREADABLE',
      `app_files of ${app.symbol} names a file that is not there: ${path}`,
      {
        hint: 'Paths are relative to the file of the app, or to app_files_context_dir.',
        cause,
      },
    );
  }
  if (!folder) return yield path;
  for (const name of readdirSync(path).sort()) {
    const child = join(path, name);
    const stat = lstatSync(child);
    // As the SDK: linked folders are not walked into, linked files are taken.
    if (stat.isDirectory()) yield* filesUnder(child, app);
    else if (stat.isFile() || (stat.isSymbolicLink() && isFile(child))) yield child;
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function pythonRegExp(pattern: string, app: FoundApp): RegExp {
  try {
    return new RegExp(pattern);
  } catch (cause) {
    throw new WindtunnelError(
      'E_NOT_EMULATED',
      `app_files_ignore of ${app.symbol} has a pattern that only Python understands: ${pattern}`,
      { hint: 'Write it in the syntax that Python and JavaScript share.', cause },
    );
  }
}

function outside(app: FoundApp, file: string, context: string): WindtunnelError {
  return new WindtunnelError('E_FILE_UNREADABLE', `app_files of ${app.symbol} leaves its folder ${context}: ${file}`, {
    hint: 'fal deploy refuses such paths too: set app_files_context_dir to a folder that holds all of them.',
  });
}
