import type { RunnerSpec } from '../../contract/index.ts';
import type { Clock } from '../../core/clock.ts';
import { FRAME, frameHeader } from '../link/frames.ts';
import type { StartMessage } from '../link/messages.ts';
import type { AgentProcess } from './agent-process.ts';

/** Of a runner's variables those that are its app's or its own; all others must be what the spare was started with. */
const OWN_VARIABLES = ['FAL_APP_NAME', 'FAL_APP_ID', 'FAL_JOB_ID', 'FAL_KEY', 'FAL_KEY_ID', 'FAL_KEY_SECRET'];
/** An agent that does not obey within this is killed itself (ms). */
const END_MS = 5_000;

export interface SpareParts {
  /** What a sweep knows its processes by. */
  id: string;
  dir: string;
  agent: AgentProcess;
  /** The whole start of a runner as the spare is to become; its app's part counts for nothing. */
  message: StartMessage;
  /** Takes away what it has on disk, and what a killed agent left running. */
  remove(): Promise<void>;
  clock: Clock;
}

/**
 * A runner that was started ahead: an agent, and a Python that has imported what every deployed app imports
 * (runner/ahead.py). It becomes the runner of an app that would be started in the very same way, or is ended.
 */
export class Spare {
  readonly id: string;
  readonly dir: string;
  readonly agent: AgentProcess;
  /** Resolves when its agent is no more. */
  readonly exited: Promise<void>;
  private readonly parts: SpareParts;
  private readonly prepared: string;
  private gone = false;
  private ending: Promise<void> | null = null;

  constructor(parts: SpareParts) {
    this.parts = parts;
    this.id = parts.id;
    this.dir = parts.dir;
    this.agent = parts.agent;
    this.prepared = common(parts.message);
    this.exited = new Promise((resolve) => {
      for (const event of ['exit', 'error']) this.agent.process.once(event, () => resolve());
    });
    void this.exited.then(() => {
      this.gone = true;
    });
    // Its end is seen by the process; without a listener an error would end the emulator.
    this.agent.link.on('error', () => undefined);
    const { harness } = parts.message;
    const message: StartMessage = {
      ...parts.message,
      env: withoutOwn(parts.message.env),
      harness: harness && { ...harness, secret: '', payload: { kind: 'spare' } },
    };
    const payload = Buffer.from(JSON.stringify(message));
    this.agent.link.write(Buffer.concat([frameHeader(FRAME.prepare, 0, payload.length), payload]));
  }

  /** Whether a spare can stand for the runner of this app: one that the SDK serves from a pickle, and no debugger. */
  static suits({ payload, exposedPort, debugger: debug }: RunnerSpec): boolean {
    return payload.kind === 'pickle' && exposedPort === null && debug === undefined;
  }

  get ended(): boolean {
    return this.gone || this.ending !== null;
  }

  /** Whether a runner with this start is the one that was prepared. */
  fits(message: StartMessage): boolean {
    return common(message) === this.prepared;
  }

  /** Resolves once nothing of it is left. */
  end(): Promise<void> {
    this.ending ??= this.endNow();
    return this.ending;
  }

  private async endNow(): Promise<void> {
    const { process: agent, link } = this.agent;
    const { clock, remove } = this.parts;
    if (!this.gone) {
      const payload = Buffer.from('kill');
      link.write(Buffer.concat([frameHeader(FRAME.signal, 0, payload.length), payload]));
      // Its last words are read by nobody.
      link.resume();
      const timer = clock.setTimeout(() => agent.kill('SIGKILL'), END_MS);
      await this.exited;
      timer.cancel();
    }
    link.destroy();
    await remove();
  }
}

function common({ env, harness: _, ...rest }: StartMessage): string {
  const variables = Object.entries(withoutOwn(env)).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([rest, variables]);
}

function withoutOwn(env: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !OWN_VARIABLES.includes(name)));
}
