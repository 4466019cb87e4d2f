import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';

/**
 * Processes that came from this run and are still there, by its private folder: every process that a suite starts, and
 * every runner of its emulators, has the folder in its environment, command line or working folder. Linux only.
 * @returns {{pid: number, command: string}[]}
 */
export function leftProcesses(runFolder) {
  const found = [];
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) continue;
    const command = readProc(entry, 'cmdline').replaceAll('\0', ' ').trim();
    const isOurs = [command, readProc(entry, 'environ'), readCwd(entry)].some((text) => text.includes(runFolder));
    if (isOurs && !isZombie(entry)) found.push({ pid: Number(entry), command });
  }
  return found;
}

/** Entries of the run's temporary folder, and sockets anywhere in the run's folder. */
export async function leftFiles(runFolder) {
  const temporary = await readdir(path.join(runFolder, 'tmp'));
  const kept = await readdir(runFolder, { recursive: true, withFileTypes: true });
  return [
    ...temporary.map((name) => `$TMPDIR/${name}`),
    ...kept.filter((entry) => entry.isSocket()).map((entry) => path.join(entry.parentPath ?? entry.path, entry.name)),
  ];
}

// A process may end, or belong to another user, between the listing and the read: it is not one of ours then.
function readProc(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

function readCwd(pid) {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}

function isZombie(pid) {
  return /^State:\s+Z/m.test(readProc(pid, 'status'));
}
