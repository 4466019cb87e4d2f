import { execFile } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { promisify } from 'node:util';

/** The program that listens on a TCP port of this machine, as `name (pid 123)`; null where it can't be known. */
export async function findPortHolder(port: number): Promise<string | null> {
  return process.platform === 'linux' ? fromProc(port) : fromLsof(port);
}

async function fromProc(port: number): Promise<string | null> {
  const inodes = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const text = await readFile(table, 'utf8').catch(() => '');
    for (const line of text.split('\n').slice(1)) {
      // sl local remote state tx:rx tr:when retransmits uid timeout inode; 0A is LISTEN
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      if (state === '0A' && inode && Number.parseInt(local?.split(':')[1] ?? '', 16) === port) inodes.add(inode);
    }
  }
  if (inodes.size === 0) return null;
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    // Processes of other users, and those that end meanwhile, cannot be read.
    const descriptors = await readdir(`/proc/${pid}/fd`).catch(() => []);
    for (const descriptor of descriptors) {
      const link = await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => '');
      const inode = /^socket:\[(\d+)\]$/.exec(link)?.[1];
      if (inode === undefined || !inodes.has(inode)) continue;
      const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '?');
      return `${name.trim()} (pid ${pid})`;
    }
  }
  return null;
}

async function fromLsof(port: number): Promise<string | null> {
  const args = ['-nP', `-iTCP:${port}`, '-sTCP:LISTEN', '-Fpc'];
  // Exit status 1 when nothing is found; not everyone has lsof.
  const output = await promisify(execFile)('lsof', args, { timeout: 3000 }).catch(() => ({ stdout: '' }));
  const pid = /^p(\d+)$/m.exec(output.stdout)?.[1];
  const name = /^c(.+)$/m.exec(output.stdout)?.[1];
  return pid === undefined ? null : `${name ?? '?'} (pid ${pid})`;
}
