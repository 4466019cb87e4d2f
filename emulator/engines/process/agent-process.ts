import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { Duplex } from 'node:stream';
import { WindtunnelError } from '../../contract/index.ts';
import type { Log } from '../../core/log.ts';

/** The parent of a runner's processes, and our end of the link to it. */
export interface AgentProcess {
  process: ChildProcess;
  link: Duplex;
}

/** Starts an agent that waits to be told what to run. */
export function startAgent(python: string, harnessDir: string, env: Record<string, string>, log: Log): AgentProcess {
  const agent = spawn(python, ['-I', '-S', path.join(harnessDir, 'agent.py'), 'fd:3'], {
    // The link is a socket pair that only these two processes hold: nobody else can dial it, at any time.
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    env,
    cwd: '/',
    detached: true,
  });
  agent.stderr?.setEncoding('utf8').on('data', (text: string) => log.debug('Agent says', { text: text.trim() }));
  const link = agent.stdio[3];
  if (link instanceof Duplex) return { process: agent, link };
  agent.kill('SIGKILL');
  throw new WindtunnelError('E_INTERNAL', 'The link of a new runner is no stream.');
}
