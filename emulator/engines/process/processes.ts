import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/**
 * When a process started, in a form that differs between two processes that had the same pid; null when there is none.
 * A zombie counts as none.
 */
export async function processStart(pid: number): Promise<string | null> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The command in parentheses may hold blanks itself; the start time is field 22 of proc_pid_stat(5).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? null : (fields[19] ?? null);
  } catch (error) {
    if (process.platform === 'linux') return null;
    return startByPs(pid, error);
  }
}

async function startByPs(pid: number, cause: unknown): Promise<string | null> {
  try {
    const { stdout } = await execute('ps', ['-o', 'lstart=', '-p', String(pid)]);
    return stdout.trim() || null;
  } catch (error) {
    // ps ends with 1 when there is no such process.
    if (error instanceof Error && 'code' in error && error.code === 1) return null;
    throw new Error('ps cannot be run.', { cause: cause ?? error });
  }
}

/** SIGKILLs the agent (and its process group) and all processes that carry the mark of this runner; returns how many. */
export async function killMarked(runner: string, agent: number | null): Promise<number> {
  const pids = new Set(await markedProcesses(runner));
  if (agent !== null) pids.add(agent);
  let killed = 0;
  for (const pid of pids) if (kill(pid)) killed++;
  return killed;
}

/** Pids whose environment names this runner. Linux only: elsewhere the environment of others can't be read. */
export async function markedProcesses(runner: string): Promise<number[]> {
  if (process.platform !== 'linux') return [];
  const mark = `WINDTUNNEL_RUNNER=${runner}`;
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const environment = await readFile(`/proc/${name}/environ`, 'latin1');
      if (environment.split('\0').includes(mark)) found.push(Number(name));
    } catch {
      // Gone by now, or another user's: not ours.
    }
  }
  return found;
}

function kill(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL');
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}
