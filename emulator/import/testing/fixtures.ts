import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { PlatformName, SourceFolder } from '../platform.ts';

export const FIXTURES = path.resolve(import.meta.dirname, '../fixtures');

/** The folder of a fixture (`runpod/plain`), as the importer is given it. */
export function fixture(name: string): SourceFolder {
  const root = path.join(FIXTURES, name, 'source');
  const files = new Map<string, Uint8Array>();
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isFile() && !file.includes('__pycache__')) files.set(path.relative(root, file), readFileSync(file));
  }
  return { name: path.basename(name), files: new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1))), unread: [] };
}

/** Names of all fixtures, or those of a platform, in order. */
export function fixtureNames(platform?: PlatformName): string[] {
  const platforms = platform === undefined ? readdirSync(FIXTURES).sort() : [platform];
  return platforms.flatMap((folder) =>
    readdirSync(path.join(FIXTURES, folder))
      .sort()
      .map((name) => `${folder}/${name}`),
  );
}
