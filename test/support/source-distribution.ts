import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { testPython } from './python.ts';

const execute = promisify(execFile);

/** Pinned source distributions that bring tests of their own, each with the SHA-256 of its archive. */
export const UPSTREAM = {
  'fal==1.83.0': 'dbdd7684e35c15c00de863974c56ea73b0c18472d4129b1244b53424a1ed2cf0',
  'fal-client==1.0.3': 'f0f0920eae871900e4efea1865be28d4a607a779d43d47a53a8498d2ce9691cd',
} as const;

/** Folder of one of them; unpacked once, in the user's cache, and never part of this repository. */
export async function sourceDistribution(pin: keyof typeof UPSTREAM): Promise<string> {
  const cache = path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'windtunnel-test', 'upstream');
  const target = path.join(cache, pin);
  mkdirSync(cache, { recursive: true });
  if (!existsSync(target)) {
    const work = mkdtempSync(path.join(cache, 'new-'));
    try {
      const pip = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--no-binary', ':all:'];
      await execute(await testPython(), [...pip, '--dest', work, pin], { timeout: 300_000 });
      await execute('tar', ['xzf', archiveIn(work, pin), '--strip-components=1', '-C', work]);
      renameSync(work, target);
    } catch (error) {
      rmSync(work, { recursive: true, force: true });
      // Another process may have been first.
      if (!existsSync(target)) throw error;
    }
  }
  archiveIn(target, pin);
  return target;
}

/** The archive itself, which stays beside what was in it; throws where it is not the pinned one. */
function archiveIn(folder: string, pin: keyof typeof UPSTREAM): string {
  const name = readdirSync(folder).find((entry) => entry.endsWith('.tar.gz'));
  if (!name)
    throw new Error(`There is no source distribution of ${pin} in ${folder}: ${readdirSync(folder).join(' ')}`);
  const archive = path.join(folder, name);
  const hash = createHash('sha256').update(readFileSync(archive)).digest('hex');
  if (hash !== UPSTREAM[pin]) throw new Error(`${archive} has the SHA-256 ${hash}, not the pinned ${UPSTREAM[pin]}.`);
  return archive;
}
