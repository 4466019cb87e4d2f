import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * The start time of a live process as the system tells it, or null when there is none. Together with the pid it names one
 * process for good: pids are reused.
 */
export function processStart(pid: number, platform: NodeJS.Platform = process.platform): string | null {
  return platform === 'linux' ? linuxStart(pid) : psStart(pid);
}

function linuxStart(pid: number): string | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    if (isGone(error)) return null;
    throw error;
  }
  // The command's name stands in parentheses and may hold spaces; field 22 (starttime) is the 20th after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  // A zombie runs no more: only its parent has not looked yet.
  if (fields[0] === 'Z' || fields[0] === 'X') return null;
  return fields[19] ?? null;
}

function psStart(pid: number): string | null {
  try {
    // macOS has no /proc; `lstart` has a resolution of one second, which is enough against pid reuse.
    const out = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { LC_ALL: 'C', PATH: '/bin:/usr/bin' },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return out.trim() || null;
  } catch (error) {
    // ps exits 1 when no process has that id.
    if (typeof error === 'object' && error !== null && 'status' in error && error.status === 1) return null;
    throw error;
  }
}

function isGone(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' || code === 'ESRCH';
}
