import { spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

export interface CommandResult {
  code: number | null;
  signal: string | null;
  /** Both streams, each cut to its last part. */
  stdout: string;
  stderr: string;
}

export interface CommandOptions {
  cwd: string;
  env: NodeJS.ProcessEnv;
  signal: AbortSignal;
  onLine?: (line: string) => void;
}

/** Runs a command to its end; rejects only with the signal's reason or when it can't be started. */
export type RunCommand = (argv: readonly string[], options: CommandOptions) => Promise<CommandResult>;

// Enough for any resolver's explanation; a build that prints gigabytes must not fill memory.
const KEEP = 256 * 1024;

/**
 * Runs a command in a process group of its own; an abort kills the group. Its stdin stays an open pipe: a command that
 * watches it (see supervise.ts) ends when this process dies, whatever killed it.
 */
export const runCommand: RunCommand = (argv, { cwd, env, signal, onLine }) =>
  new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const child = spawn(argv[0]!, argv.slice(1), { cwd, env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    // A child that ends before the pipe is closed makes it fail with EPIPE, which its exit code tells already.
    child.stdin.on('error', () => undefined);
    const kill = () => {
      if (child.pid !== undefined) killGroup(child.pid);
    };
    signal.addEventListener('abort', kill, { once: true });
    const stdout = collect(child.stdout, onLine);
    const stderr = collect(child.stderr, onLine);
    child.on('error', (error) => {
      signal.removeEventListener('abort', kill);
      reject(error);
    });
    child.on('close', (code, name) => {
      signal.removeEventListener('abort', kill);
      // What the command left running in its group belongs to it.
      kill();
      child.stdin.destroy();
      if (signal.aborted) reject(signal.reason);
      else resolve({ code, signal: name, stdout: stdout(), stderr: stderr() });
    });
  });

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    // ESRCH: the group is gone. EPERM: macOS answers so for a group of zombies.
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}

function collect(stream: Readable, onLine: ((line: string) => void) | undefined): () => string {
  const decoder = new StringDecoder('utf8');
  let text = '';
  let rest = '';
  const lines = (chunk: string) => {
    text = (text + chunk).slice(-KEEP);
    const parts = (rest + chunk).split(/\r\n|\n|\r/);
    rest = parts.pop() ?? '';
    for (const part of parts) if (part.trim() !== '') onLine?.(part);
  };
  stream.on('data', (data: Buffer) => lines(decoder.write(data)));
  stream.on('end', () => {
    lines(decoder.end());
    if (rest.trim() !== '') onLine?.(rest);
  });
  return () => text;
}
