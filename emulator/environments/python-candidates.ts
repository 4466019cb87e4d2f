import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';

/** A place where a Python may be, in the order of preference. */
export interface PythonCandidate {
  path: string;
  /** Where it comes from, for messages. */
  source: 'setting' | 'workspace' | 'editor' | 'PATH' | 'uv' | 'pyenv';
}

export interface CandidateInput {
  setting: string | null;
  editor: string | null;
  /** Looked at upward for `.venv`, up to and including `workspaceDir`; to the root when outside of it. */
  appDir: string;
  workspaceDir: string;
  /** `3.11`, when the app names one: those interpreters come first among PATH's. */
  wanted: string | null;
  env: NodeJS.ProcessEnv;
}

/** Minors that fal 1.83 runs on, newest common one first: what to take from PATH when `python3` is not usable. */
const MINORS = ['3.12', '3.11', '3.13', '3.10', '3.14'];

/** Existing files that may be interpreters. A setting that is given is the only candidate. */
export function pythonCandidates(input: CandidateInput): PythonCandidate[] {
  const { env } = input;
  if (input.setting !== null) return [{ path: inPath(input.setting, env) ?? input.setting, source: 'setting' }];
  const minors = input.wanted === null ? MINORS : [input.wanted, ...MINORS.filter((m) => m !== input.wanted)];
  const names = minors.map((minor) => `python${minor}`);
  const onPath =
    input.wanted === null ? ['python3', 'python', ...names] : [names[0]!, 'python3', 'python', ...names.slice(1)];
  const found: PythonCandidate[] = [];
  const add = (file: string | null, source: PythonCandidate['source']) => {
    if (file !== null && isFile(file) && !found.some((candidate) => candidate.path === file))
      found.push({ path: file, source });
  };
  for (const venv of workspaceVenvs(input.appDir, input.workspaceDir))
    add(path.join(venv, 'bin', 'python'), 'workspace');
  add(input.editor, 'editor');
  for (const name of onPath) for (const folder of pathFolders(env)) add(path.join(folder, name), 'PATH');
  for (const file of managed(uvFolder(env), 'bin/python3')) add(file, 'uv');
  for (const file of managed(pyenvFolder(env), 'bin/python3')) add(file, 'pyenv');
  return found;
}

/** `.venv` folders from the app's folder upward, nearest first. */
export function workspaceVenvs(appDir: string, workspaceDir: string): string[] {
  const venvs: string[] = [];
  const last = path.resolve(workspaceDir);
  for (let folder = path.resolve(appDir); ; folder = path.dirname(folder)) {
    const venv = path.join(folder, '.venv');
    if (isFile(path.join(venv, 'bin', 'python'))) venvs.push(venv);
    if (folder === last || folder === path.dirname(folder)) return venvs;
  }
}

/** A command's file by PATH; a name with a slash is looked at as it is. */
export function inPath(name: string, env: NodeJS.ProcessEnv): string | null {
  if (name.includes('/')) return isFile(name) ? name : null;
  return (
    pathFolders(env)
      .map((folder) => path.join(folder, name))
      .find(isFile) ?? null
  );
}

const pathFolders = (env: NodeJS.ProcessEnv): string[] =>
  (env.PATH ?? '').split(path.delimiter).filter((folder) => path.isAbsolute(folder));

// Defaults of uv and pyenv, where their variables don't say otherwise.
const uvFolder = (env: NodeJS.ProcessEnv): string =>
  env.UV_PYTHON_INSTALL_DIR ?? path.join(env.XDG_DATA_HOME ?? path.join(env.HOME ?? '/', '.local/share'), 'uv/python');
const pyenvFolder = (env: NodeJS.ProcessEnv): string =>
  path.join(env.PYENV_ROOT ?? path.join(env.HOME ?? '/', '.pyenv'), 'versions');

function managed(folder: string, below: string): string[] {
  try {
    return readdirSync(folder)
      .sort((a, b) => b.localeCompare(a, 'en', { numeric: true }))
      .map((name) => path.join(folder, name, below));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    // Not a folder, or not ours to read: it offers no Python.
    return [];
  }
}

function isFile(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isFile() ?? false;
}
