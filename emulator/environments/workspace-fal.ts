import { readdirSync } from 'node:fs';
import path from 'node:path';
import { CLIENT_PACKAGES, type ClientVersions } from './fal-requirements.ts';
import { workspaceVenvs } from './python-candidates.ts';

export interface WorkspaceFal {
  /** Null when its fal is no release that an index could have. */
  versions: ClientVersions | null;
  /** That version, then. */
  unpublished: string | null;
}

/** The fal that the workspace's nearest `.venv` has, read from its package metadata, else null. */
export function workspaceFal(appDir: string, workspaceDir: string): WorkspaceFal | null {
  for (const venv of workspaceVenvs(appDir, workspaceDir)) {
    const versions = installedVersions(venv);
    const fal = versions.get('fal');
    if (fal === undefined) continue;
    // A development version (`1.84.0.dev3+g1a2b3c4`) comes from a checkout.
    if (/\.dev|\+/.test(fal)) return { versions: null, unpublished: fal };
    const [, fastapi, pydantic, tblib] = CLIENT_PACKAGES.map((name) => versions.get(name));
    return { versions: { fal, fastapi, pydantic, tblib }, unpublished: null };
  }
  return null;
}

function installedVersions(venv: string): Map<string, string> {
  const versions = new Map<string, string>();
  for (const lib of folders(path.join(venv, 'lib')).filter((name) => name.startsWith('python3'))) {
    for (const name of folders(path.join(venv, 'lib', lib, 'site-packages'))) {
      const match = /^(\w+)-([^-]+)\.dist-info$/.exec(name);
      if (match && CLIENT_PACKAGES.some((known) => known === match[1])) versions.set(match[1]!, match[2]!);
    }
  }
  return versions;
}

function folders(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}
