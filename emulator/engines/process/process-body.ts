import type { ChildProcess } from 'node:child_process';
import net from 'node:net';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import { type RunnerSpec, WindtunnelError } from '../../contract/index.ts';
import type { BodyEnd, RunnerBody } from '../link/linked-runner.ts';
import { boundPort } from '../link/start-message.ts';
import { dataMountError } from './folders.ts';
import { killMarked } from './processes.ts';

/** An agent that is a process of this machine. */
export class ProcessBody implements RunnerBody {
  readonly gone: Promise<BodyEnd>;
  private readonly agent: ChildProcess;
  private readonly dir: string;
  private readonly mark: string;
  private readonly spec: RunnerSpec;
  private readonly remove: () => Promise<void>;

  /** `dir`: folder of its sockets. `mark`: what its processes are known by. `remove` takes away what it has on disk. */
  constructor(agent: ChildProcess, dir: string, mark: string, spec: RunnerSpec, remove: () => Promise<void>) {
    this.agent = agent;
    this.dir = dir;
    this.mark = mark;
    this.spec = spec;
    this.remove = remove;
    this.gone = new Promise((resolve) => {
      agent.once('exit', () => resolve({ error: null, known: null }));
      agent.once('error', (cause) => {
        const error = new WindtunnelError('E_RUNNER_EXITED', `The runner cannot be started: ${cause.message}`, {
          cause,
        });
        resolve({ error, known: null });
      });
    });
  }

  /** Straight to the app's own socket: the way through the agent costs 0.3-0.5 ms more, and both are on this machine. */
  readonly connect = (listen: 'socket' | 'port'): Promise<Duplex> => {
    const port = boundPort(this.spec);
    const socket =
      listen === 'port' && port !== null
        ? net.connect({ host: '127.0.0.1', port, noDelay: true })
        : net.connect({ path: path.join(this.dir, 'app.sock') });
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(socket);
      });
    });
  };

  kill(): void {
    this.agent.kill('SIGKILL');
  }

  async cleanUp(told: boolean): Promise<void> {
    // An agent that was killed could not end its tree itself.
    if (!told) await killMarked(this.mark, null);
    await this.remove();
  }

  mountError(message: string): WindtunnelError {
    return dataMountError(this.spec, process.platform, null, message);
  }
}
