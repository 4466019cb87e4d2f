import { type Dirent, existsSync } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import type { FoundApp, SourceBundle } from '../contract/index.ts';

// fal SDK 1.83, app.py: DEFAULT_APP_FILES_IGNORE.
const DEFAULT_IGNORE = ['\\.pyc$', '__pycache__/', '\\.git/', '\\.DS_Store$'];
// fal SDK 1.83, file_sync.py: FILE_SIZE_LIMIT.
const FILE_LIMIT_BYTES = 1024 ** 3;
/** More files than these are taken for a mistake, such as app_files = ["."] over a virtual environment. */
const MANY_FILES = 5_000;
/** What marks the top folder of a project, from which `fal deploy` is run and modules are found. */
const PROJECT_MARKS = ['pyproject.toml', 'windtunnel.jsonc', 'setup.py', '.git'];

/**
 * What `fal deploy` would ship of a source app: the package that holds the file and `local_python_modules` by value
 * (fal/_serialization.py, fal/api/deploy.py), and `app_files` for the working folder (fal/file_sync.py). Warnings are
 * what the deploy would print or fail with.
 */
export async function planSourceBundle(
  file: string,
  found: FoundApp,
): Promise<{ bundle: SourceBundle; warnings: string[] }> {
  const main = path.resolve(file);
  const { settings } = found;
  const { root, packageName } = topPackage(main);
  const warnings: string[] = [];
  const scriptDir = path.dirname(await realpath(main));
  const context = path.resolve(scriptDir, settings.appFilesContextDir ?? '.');
  const files = await new AppFiles(context, settings.appFilesIgnore ?? DEFAULT_IGNORE, warnings).collect(
    settings.appFiles,
  );
  if (files.length > MANY_FILES) {
    warnings.push(`app_files names ${files.length} files; exclude what the app does not need with app_files_ignore.`);
  }
  return {
    bundle: {
      root,
      main,
      modules: [...new Set([...(packageName ? [packageName] : []), ...settings.localPythonModules])],
      files,
      guarded: [...new Set([root, projectFolder(root)])],
      cwd: files.length > 0 ? path.relative(context, scriptDir) : '',
    },
    warnings,
  };
}

/** The folder above the outermost package that holds the file, and that package's name. */
function topPackage(main: string): { root: string; packageName: string | null } {
  let top = main;
  while (existsSync(path.join(path.dirname(top), '__init__.py'))) top = path.dirname(top);
  return { root: path.dirname(top), packageName: top === main ? null : path.basename(top) };
}

function projectFolder(from: string): string {
  for (let folder = from; ; folder = path.dirname(folder)) {
    if (PROJECT_MARKS.some((mark) => existsSync(path.join(folder, mark)))) return folder;
    if (folder === path.dirname(folder)) return from;
  }
}

/** `app_files` as the SDK reads it: names relative to the context folder, folders walked, patterns searched in the path. */
class AppFiles {
  private readonly context: string;
  private readonly ignore: RegExp[] = [];
  private readonly warnings: string[];
  private readonly files = new Map<string, string>();

  constructor(context: string, ignore: readonly string[], warnings: string[]) {
    this.context = context;
    this.warnings = warnings;
    for (const pattern of ignore) {
      try {
        this.ignore.push(new RegExp(pattern));
      } catch {
        warnings.push(
          `app_files_ignore: ${pattern} is a Python pattern that is not understood here and has no effect.`,
        );
      }
    }
  }

  async collect(names: readonly string[]): Promise<SourceBundle['files']> {
    for (const name of names) await this.addNamed(name);
    return [...this.files].map(([to, from]) => ({ from, to }));
  }

  private async addNamed(name: string): Promise<void> {
    const given = path.resolve(this.context, name);
    let info: Awaited<ReturnType<typeof stat>>;
    try {
      info = await stat(given);
    } catch {
      this.warnings.push(`app_files: ${given} was not found; the deploy would skip it.`);
      return;
    }
    if (info.isDirectory()) await this.addFolder(given, path.relative(this.context, given));
    else if (!this.ignored(path.relative(this.context, given))) await this.addFile(given);
  }

  private async addFolder(folder: string, lexical: string): Promise<void> {
    for (const entry of (await readdir(folder, { withFileTypes: true })).sort(byName)) {
      const file = path.join(folder, entry.name);
      const relative = lexical ? `${lexical}/${entry.name}` : entry.name;
      if (entry.isDirectory()) {
        if (!this.ignoredWhole(`${relative}/`)) await this.addFolder(file, relative);
      } else if (!this.ignored(relative)) {
        await this.addFile(file);
      }
    }
  }

  private async addFile(file: string): Promise<void> {
    let from: string;
    try {
      from = await realpath(file);
    } catch {
      return; // A dangling link: no file, and the SDK passes over it too.
    }
    const info = await stat(from);
    if (!info.isFile()) return;
    const to = path.relative(this.context, from);
    if (to.startsWith('..') || path.isAbsolute(to)) {
      this.warnings.push(`app_files: ${file} lies outside of ${this.context}; the deploy would refuse it.`);
      return;
    }
    if (info.size > FILE_LIMIT_BYTES) {
      this.warnings.push(`app_files: ${file} is larger than 1 GiB; the deploy would refuse it.`);
    }
    this.files.set(to, from);
  }

  private ignored(relative: string): boolean {
    return this.ignore.some((pattern) => pattern.test(relative));
  }

  /** All below a folder is ignored: a pattern without end anchor that is found in its path is found in theirs. */
  private ignoredWhole(relative: string): boolean {
    return this.ignore.some((pattern) => !pattern.source.includes('$') && pattern.test(relative));
  }
}

function byName(a: Dirent, b: Dirent): number {
  return a.name < b.name ? -1 : 1;
}
