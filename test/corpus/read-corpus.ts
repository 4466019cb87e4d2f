import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { PlatformName, SourceFolder } from '../../emulator/import/platform.ts';

export interface CorpusEntry {
  /** `owner/name path`. */
  name: string;
  /** First column of the list: `modal`, `runpod`, `runpod-flash`, `cog`. */
  kind: string;
  platform: PlatformName;
  entry: string;
  folder: SourceFolder;
}

interface Place {
  repo: string;
  file: string;
  commit: string;
}

interface Row extends Place {
  kind: string;
}

/**
 * The primary files of a list (tab-separated: kind, repository, path, commit) with the other files that it names of their
 * repositories. They are read from git directories `<owner>+<name>/repo` below one of `homes`, or from files below
 * `<owner>+<name>@<seven digits of the commit>`. What is nowhere is in `absent`.
 */
export function readCorpus(list: string, homes: readonly string[]): { entries: CorpusEntry[]; absent: string[] } {
  const rows = readFileSync(list, 'utf8')
    .trim()
    .split('\n')
    .slice(1)
    .map((line): Row => {
      const [kind, repo, file, commit] = line.split('\t');
      return { kind: kind!, repo: repo!, file: file!, commit: commit! };
    });
  const absent: string[] = [];
  const cache = new Map<string, Uint8Array | null>();
  const read = ({ repo, file, commit }: Row): Uint8Array | null => {
    const key = `${repo} ${file} ${commit}`;
    const known = cache.get(key);
    if (known !== undefined) return known;
    const found = homes.map((home) => readFrom(home, { repo, file, commit })).find((bytes) => bytes !== null) ?? null;
    cache.set(key, found);
    return found;
  };
  const entries = rows
    .filter(({ kind }) => !kind.includes(':'))
    .flatMap((row): CorpusEntry[] => {
      const bytes = read(row);
      if (!bytes) {
        absent.push(`${row.repo} ${row.file}`);
        return [];
      }
      const base = row.kind.split('-')[0]!;
      const beside = rows.filter(({ repo, kind }) => repo === row.repo && kind.startsWith(`${base}:`));
      const files = new Map<string, Uint8Array>();
      for (const other of beside) {
        const content = read(other);
        if (content) files.set(other.file, content);
      }
      files.set(row.file, bytes);
      const sorted = new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
      return [
        {
          name: `${row.repo} ${row.file}`,
          kind: row.kind,
          platform: base as PlatformName,
          entry: row.file,
          folder: { name: row.repo.split('/')[1]!, files: sorted, unread: [] },
        },
      ];
    });
  return { entries, absent };
}

function readFrom(home: string, { repo, file, commit }: Place): Uint8Array | null {
  const name = repo.replace('/', '+');
  const plain = path.join(home, `${name}@${commit.slice(0, 7)}`, file);
  if (existsSync(plain) && statSync(plain).isFile()) return readFileSync(plain);
  const directory = ['repo/.git', 'repo'].map((end) => path.join(home, name, end)).find(existsSync);
  if (directory === undefined) return null;
  return [commit, 'HEAD'].map((at) => show(directory, `${at}:${file}`)).find((bytes) => bytes !== null) ?? null;
}

function show(directory: string, object: string): Uint8Array | null {
  try {
    return execFileSync('git', ['--git-dir', directory, 'show', object], {
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 1 << 26,
    });
  } catch (error) {
    // Not in this snapshot.
    if (error instanceof Error && 'status' in error) return null;
    throw error;
  }
}
