import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** TCP ports on which processes listen that have this text in their environment or command line. Linux only. */
export function openPorts(mark: string): number[] {
  const sockets = new Map<string, number>();
  for (const table of ['tcp', 'tcp6']) {
    for (const line of readFileSync(`/proc/net/${table}`, 'utf8').trim().split('\n').slice(1)) {
      const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
      if (state === '0A') sockets.set(`socket:[${inode}]`, Number.parseInt(local.split(':')[1] ?? '', 16));
    }
  }
  const ports = new Set<number>();
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    for (const target of socketsOf(pid, mark)) {
      const port = sockets.get(target);
      if (port !== undefined) ports.add(port);
    }
  }
  return [...ports].sort((a, b) => a - b);
}

// A process may end, or belong to another user, between the listing and the read: it is not one of ours then.
function socketsOf(pid: string, mark: string): string[] {
  try {
    const text = ['environ', 'cmdline'].map((name) => readFileSync(`/proc/${pid}/${name}`, 'utf8')).join('');
    if (!text.includes(mark)) return [];
    return readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
  } catch {
    return [];
  }
}
