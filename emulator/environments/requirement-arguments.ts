import { createHash, type Hash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

/** Arguments of one install step, and the files outside of the index that its outcome depends on. */
export interface LayerArguments {
  argv: string[];
  /** Requirement files and local projects, absolute. */
  inputs: string[];
}

const EXTRAS = /(\[[^\]]+\])$/;
const FILE_OPTIONS = /^(-r|--requirement|-c|--constraint|-e|--editable)(?:[ =]\s*(.+))?$/;
// Not part of what a project installs, and large.
const SKIPPED = new Set([
  '.git',
  '__pycache__',
  '.venv',
  'venv',
  'node_modules',
  'build',
  'dist',
  '.tox',
  '.mypy_cache',
]);
// A requirement that names a home folder must not read all of it before the resolver says so.
const MAX_FILES = 20_000;

/**
 * One layer as the resolver gets it: each entry an argument, as the platform does it; local paths absolute; an option and
 * its value in one string (`-r base.txt`), as people write it, is split. `${NAME}` is replaced from `env`, as the platform
 * does with secrets.
 */
export function layerArguments(layer: readonly string[], contextDir: string, env: NodeJS.ProcessEnv): LayerArguments {
  const argv: string[] = [];
  const inputs: string[] = [];
  const absolute = (file: string) => {
    const full = path.resolve(contextDir, expandHome(file, env));
    inputs.push(full);
    return full;
  };
  for (let i = 0; i < layer.length; i++) {
    const entry = expandSecrets(layer[i]!.trim(), env);
    const option = FILE_OPTIONS.exec(entry);
    if (option) {
      const value = option[2] ?? layer[++i] ?? '';
      const extras = EXTRAS.exec(value)?.[1] ?? '';
      argv.push(option[1]!, absolute(value.slice(0, value.length - extras.length)) + extras);
    } else if (/^-\S+\s+\S/.test(entry)) {
      argv.push(...entry.split(/\s+/));
    } else if (entry !== '') {
      const local = localPath(entry, contextDir, env);
      argv.push(local === null ? entry : absolute(local.folder) + local.extras);
    }
  }
  return { argv, inputs };
}

/** The folder of a local-path requirement, by the SDK's own rule: its path part is an existing folder. */
function localPath(
  entry: string,
  contextDir: string,
  env: NodeJS.ProcessEnv,
): { folder: string; extras: string } | null {
  if (entry.startsWith('-')) return null;
  const extras = EXTRAS.exec(entry)?.[1] ?? '';
  const folder = entry.slice(0, entry.length - extras.length).trim();
  if (folder === '') return null;
  const full = path.resolve(contextDir, expandHome(folder, env));
  const stat = statSync(full, { throwIfNoEntry: false });
  // The SDK takes folders; a wheel or sdist by path is the resolver's own form of the same thing.
  return stat?.isDirectory() || (stat?.isFile() && /\.(whl|tar\.gz|zip)$/.test(full)) ? { folder, extras } : null;
}

const expandHome = (file: string, env: NodeJS.ProcessEnv): string =>
  file.startsWith('~/') && env.HOME ? path.join(env.HOME, file.slice(2)) : file;

const expandSecrets = (entry: string, env: NodeJS.ProcessEnv): string =>
  entry.replace(/\$\{([A-Z_][A-Z0-9_]*)\}/g, (whole, name: string) => env[name] ?? whole);

/** Content hash of files and folders; of a requirement file also those that it includes. */
export function hashInputs(inputs: readonly string[]): string {
  const hash = createHash('sha256');
  const seen = new Set<string>();
  for (const input of inputs) hashPath(input, hash, seen);
  return hash.digest('hex');
}

/** All files that `hashInputs` reads. */
export function inputFiles(inputs: readonly string[]): string[] {
  const seen = new Set<string>();
  const hash = createHash('sha256');
  for (const input of inputs) hashPath(input, hash, seen);
  return [...seen].filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile());
}

function hashPath(file: string, hash: Hash, seen: Set<string>): void {
  if (seen.has(file) || seen.size > MAX_FILES) return;
  seen.add(file);
  const stat = statSync(file, { throwIfNoEntry: false });
  hash.update(`${file}\0${stat ? (stat.isDirectory() ? 'folder' : stat.size) : 'missing'}\0`);
  if (stat?.isDirectory()) {
    for (const entry of readdirSync(file, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (SKIPPED.has(entry.name) || entry.name.endsWith('.egg-info') || entry.isSymbolicLink()) continue;
      hashPath(path.join(file, entry.name), hash, seen);
    }
  } else if (stat?.isFile()) {
    const content = readFileSync(file);
    hash.update(content);
    if (/\.(txt|in)$/.test(file))
      for (const included of includes(content.toString('utf8'), file)) hashPath(included, hash, seen);
  }
}

function includes(text: string, file: string): string[] {
  const names = [...text.matchAll(/^\s*(?:-r|--requirement|-c|--constraint|-e|--editable)[ =]\s*(\S+)/gm)].map(
    (m) => m[1]!,
  );
  const local = [...text.matchAll(/^\s*(\.{1,2}\/\S*|\/\S+)/gm)].map((m) => m[1]!);
  return [...names, ...local].map((name) => path.resolve(path.dirname(file), name)).filter((full) => existsSync(full));
}
