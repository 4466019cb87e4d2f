import type { Dirent } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import ignore, { type Ignore } from 'ignore';
import { type FoundApp, WindtunnelError } from '../contract/index.ts';

/** Python files read at most in one search of a folder; the answer says when there were more. */
export const MAX_FILES = 5_000;
/** Folders visited at most: a search must end in a home folder too. */
const MAX_FOLDERS = 20_000;

const SKIPPED = new Set(['node_modules', '__pycache__', 'site-packages', 'venv', 'env', 'dist', 'build']);

export interface FolderFinding {
  apps: FoundApp[];
  /** Python files that were read. */
  files: number;
  /** More files or folders were there than are looked at. */
  truncated: boolean;
  /** What could not be read, one line each. */
  unreadable: string[];
}

interface Rules {
  folder: string;
  ignore: Ignore;
}

/** Walks breadth first, so that a limit cuts the deepest files. Links are not followed. */
export async function findInFolder(
  folder: string,
  findInFile: (file: string) => Promise<FoundApp[]>,
  { maxFiles = MAX_FILES, signal }: { maxFiles?: number; signal?: AbortSignal },
): Promise<FolderFinding> {
  const finding: FolderFinding = { apps: [], files: 0, truncated: false, unreadable: [] };
  const queue: { folder: string; rules: Rules[] }[] = [{ folder: path.resolve(folder), rules: [] }];
  for (let visited = 0; visited < queue.length; visited++) {
    signal?.throwIfAborted();
    if (visited >= MAX_FOLDERS) {
      finding.truncated = true;
      break;
    }
    const { folder: current, rules } = queue[visited]!;
    const entries = await list(current, finding, visited === 0);
    if (visited > 0 && entries.some((entry) => entry.name === 'pyvenv.cfg')) continue;
    const known = entries.some((entry) => entry.name === '.gitignore') ? [...rules, await readRules(current)] : rules;
    for (const entry of entries) {
      const full = path.join(current, entry.name);
      if (entry.isDirectory()) {
        const skip = entry.name.startsWith('.') || SKIPPED.has(entry.name) || ignored(known, full, true);
        if (!skip) queue.push({ folder: full, rules: known });
      } else if (entry.isFile() && entry.name.endsWith('.py') && !ignored(known, full, false)) {
        if (finding.files >= maxFiles) {
          finding.truncated = true;
          return finding;
        }
        finding.files++;
        await search(full, findInFile, finding);
      }
    }
  }
  return finding;
}

async function search(
  file: string,
  find: (file: string) => Promise<FoundApp[]>,
  finding: FolderFinding,
): Promise<void> {
  try {
    finding.apps.push(...(await find(file)));
  } catch (error) {
    if (!(error instanceof WindtunnelError)) throw error;
    finding.unreadable.push(error.message);
  }
}

async function list(folder: string, finding: FolderFinding, isTop: boolean): Promise<Dirent[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (cause) {
    const message = `Cannot read ${folder}: ${cause instanceof Error ? cause.message : String(cause)}`;
    if (isTop) throw new WindtunnelError('E_FILE_UNREADABLE', message, { cause });
    finding.unreadable.push(message);
    return [];
  }
}

async function readRules(folder: string): Promise<Rules> {
  const text = await readFile(path.join(folder, '.gitignore'), 'utf8').catch(() => '');
  return { folder, ignore: ignore().add(text) };
}

/** The nearest .gitignore that has an opinion decides, as git does it. */
function ignored(rules: Rules[], full: string, isFolder: boolean): boolean {
  for (const { folder, ignore: matcher } of rules.toReversed()) {
    const relative = path.relative(folder, full).split(path.sep).join('/');
    const verdict = matcher.test(isFolder ? `${relative}/` : relative);
    if (verdict.ignored) return true;
    if (verdict.unignored) return false;
  }
  return false;
}
