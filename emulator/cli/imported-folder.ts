import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { WindtunnelError } from '../contract/index.ts';
import type { ImportedApp } from '../import/platform.ts';
import { type FileMerge, planReimport } from '../import/reimport.ts';
import { reportMarkdown } from '../import/report-markdown.ts';

/** Below an output folder: its files as the last import wrote them, so that the next one can tell the user's edits. */
const BASE = '.windtunnel/import';
/** What a new file is called that lies beside one that it could not be joined with. */
const BESIDE = '.imported';

/** Throws E_IMPORT_OUT for a folder that is the source's own, or holds anything that no import wrote. */
export function refuseOut(out: string, root: string): void {
  if (relative(root, out) === '') {
    throw new WindtunnelError('E_IMPORT_OUT', 'The imported app cannot be written over its source.', {
      hint: 'Name another folder with --out.',
    });
  }
  let there: string[] = [];
  try {
    there = readdirSync(out, { recursive: true, encoding: 'utf8' });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) {
      throw new WindtunnelError('E_IMPORT_OUT', `${out} is no folder to write into.`, { cause: error });
    }
  }
  if (there.length > 0 && !there.some((path) => path.split(sep).join('/').endsWith(BASE))) {
    throw new WindtunnelError('E_IMPORT_OUT', `${out} is not empty; nothing was overwritten.`, {
      hint: 'Name another folder with --out, or remove that one.',
    });
  }
}

/** Writes an app, joined with what the user made of an earlier import. What was done to files that were there. */
export function writeImported(out: string, app: ImportedApp): FileMerge[] {
  const report = { path: 'IMPORT.md', content: Buffer.from(reportMarkdown(app.report)) };
  const files = [...app.files, report];
  const baseFolder = join(out, BASE);
  const base = readBase(baseFolder);
  const plan = planReimport(files, base, (path) => readIfThere(join(out, path)));
  for (const one of plan) {
    const file = join(out, one.path);
    if (one.action === 'remove') {
      if (!one.edited) rmSync(file);
    } else if (one.action !== 'keep') put(one.action === 'conflict' ? file + BESIDE : file, one.content);
  }
  rmSync(baseFolder, { recursive: true, force: true });
  for (const { path, content } of files) put(join(baseFolder, path), content);
  return base.size === 0 ? [] : plan;
}

/** Lines for the user about files that were joined, left or not joined. */
export function reimportLines(plan: readonly FileMerge[]): string[] {
  return plan.flatMap((one) => {
    const { path, action } = one;
    if (action === 'merge') return [`${path}: your edits and the new import are joined`];
    if (action === 'keep') return one.edited ? [`${path}: kept as you edited it; the import has nothing new`] : [];
    if (action === 'remove')
      return [
        one.edited
          ? `${path}: not of the app any more; kept, as you edited it`
          : `${path}: removed, not of the app any more`,
      ];
    return action === 'conflict'
      ? [`CONFLICT ${path}: left as it is; the new one is ${path}${BESIDE}: both changed the same lines`]
      : [];
  });
}

function put(file: string, content: Uint8Array): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

function readBase(folder: string): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  let entries: ReturnType<typeof listed> = [];
  try {
    entries = listed(folder);
  } catch (error) {
    // Never imported into.
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    files.set(relative(folder, file).split(sep).join('/'), readFileSync(file));
  }
  return files;
}

const listed = (folder: string) => readdirSync(folder, { recursive: true, withFileTypes: true });

function readIfThere(file: string): Uint8Array | null {
  try {
    return readFileSync(file);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}
