import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { WindtunnelError } from '../contract/index.ts';
import { type Host, workspacePaths } from './paths.ts';

/** What `windtunnel import` keeps below `.windtunnel` of an app, which is no workspace by that. */
const RECORD_OF_IMPORT = 'import';

/**
 * The workspace that `from` (a file or folder) belongs to: the nearest parent with `windtunnel.jsonc` or `.windtunnel`,
 * else the nearest for which an emulator is registered, else the nearest with `.git`, else `opened` (the folder that an editor has
 * open or a shell is in), else the folder itself.
 */
export function findWorkspace(host: Host, from: string, opened?: string): string {
  const start = realFolder(from);
  return (
    nearest(start, isMarked) ??
    nearest(start, (folder) => existsSync(workspacePaths(host, folder).registry)) ??
    nearest(start, (folder) => existsSync(join(folder, '.git'))) ??
    (opened === undefined ? start : realFolder(opened))
  );
}

function isMarked(folder: string): boolean {
  if (existsSync(join(folder, 'windtunnel.jsonc'))) return true;
  const mark = join(folder, '.windtunnel');
  return existsSync(mark) && !isRecordAlone(mark);
}

function isRecordAlone(mark: string): boolean {
  if (!statSync(mark).isDirectory()) return false;
  const names = readdirSync(mark);
  return names.length === 1 && names[0] === RECORD_OF_IMPORT;
}

/** The real folder of an existing file or folder. Throws E_FILE_UNREADABLE. */
export function realFolder(path: string): string {
  try {
    const real = realpathSync(path);
    return statSync(real).isDirectory() ? real : dirname(real);
  } catch (cause) {
    throw new WindtunnelError('E_FILE_UNREADABLE', `No such file or folder: ${path}`, { cause });
  }
}

function nearest(start: string, test: (folder: string) => boolean): string | undefined {
  for (let folder = start; ; folder = dirname(folder)) {
    if (test(folder)) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}
