import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cliFile, type EmulatorUnderTest } from './emulator.ts';
import { testPython } from './python.ts';

// Python has a pseudo-terminal in its standard library, Node has none: the child is the leader of the terminal's session,
// as a shell's foreground job is. Ends when its stdin does, and with that closes the terminal.
const IN_TERMINAL = `
import os, pty, select, sys
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
while True:
    ready, _, _ = select.select([terminal, 0], [], [])
    if 0 in ready:
        break
    try:
        os.write(1, os.read(terminal, 65536))
    except OSError:
        break
`;

/** A command of our CLI that runs until it is stopped, as `run` does: started, watched and interrupted by a test. */
export class CliSession {
  output = '';
  private readonly child: ChildProcess;
  private readonly closed: Promise<number | null>;

  private constructor(child: ChildProcess) {
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.output += chunk.toString();
      });
    }
    this.closed = once(child, 'close').then(([code]) => code as number | null);
  }

  /** In the workspace of this emulator, which need not run. */
  static start(emulator: EmulatorUnderTest, ...args: string[]): CliSession {
    return CliSession.spawn(emulator, process.execPath, [cliFile, ...args]);
  }

  /** The same in a pseudo-terminal, which `closeTerminal` closes. */
  static async inTerminal(emulator: EmulatorUnderTest, ...args: string[]): Promise<CliSession> {
    return CliSession.spawn(emulator, await testPython(), ['-c', IN_TERMINAL, process.execPath, cliFile, ...args]);
  }

  private static spawn(emulator: EmulatorUnderTest, command: string, args: string[]): CliSession {
    const { workspace: cwd, env } = emulator;
    return new CliSession(spawn(command, args, { cwd, env, stdio: ['pipe', 'pipe', 'pipe'] }));
  }

  /** Waits until it has printed this; fails when it ends before. The first group, else the whole match. */
  async printed(pattern: RegExp, seconds = 60): Promise<string> {
    let ended = false;
    void this.closed.then(() => {
      ended = true;
    });
    for (let i = 0; i < seconds * 20; i++) {
      const match = pattern.exec(this.output);
      if (match) return match[1] ?? match[0];
      if (ended) throw new Error(`It ended before it printed ${pattern}:\n${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`Not within ${seconds} s: ${pattern}. It printed:\n${this.output}`);
  }

  /** Writes to its standard input. */
  type(text: string): void {
    this.child.stdin?.write(text);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Reads no more: its next write finds a closed pipe. */
  closeOutput(): void {
    this.child.stdout?.destroy();
    this.child.stderr?.destroy();
  }

  closeTerminal(): void {
    this.child.stdin?.end();
  }

  /** Exit code, null where a signal ended it; fails (and kills it) after that many seconds. */
  async ended(seconds = 60): Promise<number | null> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.child.kill('SIGKILL');
        reject(new Error(`It has not ended within ${seconds} s. It printed:\n${this.output}`));
      }, seconds * 1000);
    });
    try {
      return await Promise.race([this.closed, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
