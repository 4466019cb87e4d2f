import type { Duplex } from 'node:stream';
import type Docker from 'dockerode';
import * as z from 'zod/mini';
import { type AppId, toWindtunnelError, WindtunnelError } from '../../contract/index.ts';
import type { Clock } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import type { BodyEnd, RunnerBody } from '../link/linked-runner.ts';
import type { Daemon } from './daemon.ts';
import { dialJson, statusOf } from './dial.ts';
import { daemonLost, isDaemonGone } from './docker-errors.ts';
import { removeContainer } from './remove-container.ts';

const StateSchema = z.object({
  State: z.object({ Running: z.boolean(), OOMKilled: z.optional(z.boolean()), ExitCode: z.number() }),
});

/** A call to a daemon that hangs is given up after this (ms), and asked again. */
const CALL_MS = 2_000;
/** How often a container whose link is closed is looked at (ms): it ends within its grace. */
const LOOK_MS = 50;
const SLOW_LOOK_MS = 500;
/** A daemon that does not answer for so long (ms) after the link broke took its containers with it, or will. */
const LOST_MS = 5_000;
/** A kill may be lost with its daemon, while the container outlives it (`--live-restore`): it is repeated after this (ms). */
const KILL_AGAIN_MS = 5_000;
/** A container that runs on so long (ms) after the first kill is left to later. */
const GIVE_UP_MS = 30_000;
const KILLED_EXIT = 137;

/** The agent ends with its app's exit code where the app ended by itself, and with 0 where it was told to end. */
function knownEnd({ OOMKilled, ExitCode }: z.infer<typeof StateSchema>['State']): BodyEnd['known'] {
  if (ExitCode === KILLED_EXIT) return OOMKilled ? { by: 'memory' } : null;
  return ExitCode === 0 ? null : { by: 'exit', code: ExitCode };
}

export interface ContainerParts {
  app: AppId;
  container: Docker.Container;
  link: Duplex;
  daemon: Daemon;
  clock: Clock;
  log: Log;
  /** Takes what is left into its care when the daemon cannot remove it now. */
  leave(id: string): void;
}

/** An agent that is PID 1 of a container. */
export class ContainerBody implements RunnerBody {
  readonly gone: Promise<BodyEnd>;
  readonly connect = null;
  private readonly parts: ContainerParts;
  /** When it was killed first and last, by `clock.monotonic()`. */
  private kills: { first: number; last: number } | null = null;

  constructor(parts: ContainerParts) {
    this.parts = parts;
    // The link is the container's own stdin and stdout: it closes when the container ends, or with the daemon.
    this.gone = new Promise((resolve) => parts.link.once('close', () => resolve(this.watchEnd())));
  }

  kill(): void {
    const now = this.parts.clock.monotonic();
    this.kills = { first: this.kills?.first ?? now, last: now };
    this.parts.container.kill({ signal: 'SIGKILL' }).catch((error: unknown) => {
      // 409, or 500 of older Podman: it has ended already.
      if (statusOf(error) === null) this.parts.daemon.doubt();
      this.parts.log.debug('a container could not be killed', { error: toWindtunnelError(error).message });
    });
  }

  async cleanUp(): Promise<void> {
    const { app, clock, container, daemon, leave, log } = this.parts;
    try {
      if (await removeContainer(container, clock)) return;
      log.warn('The Docker daemon does not remove a container; it is tried again later', {
        app,
        container: container.id,
      });
      leave(container.id);
      daemon.doubt();
    } catch (error) {
      leave(container.id);
      if (!isDaemonGone(error)) throw error;
      daemon.doubt();
    }
  }

  mountError(message: string): WindtunnelError {
    return new WindtunnelError('E_DATA_MOUNT', `The container's folders cannot be mounted: ${message}`);
  }

  /** The link is closed: waits for the container's end, and tells a daemon that is gone from a container that is. */
  private async watchEnd(): Promise<BodyEnd> {
    const { container, daemon, clock, app, log } = this.parts;
    let silentSince: number | null = null;
    for (let looks = 0; ; looks++) {
      try {
        const { State } = await this.inspect(container);
        silentSince = null;
        if (!State.Running) return { error: null, known: this.kills === null ? knownEnd(State) : null };
        const now = clock.monotonic();
        if (this.kills && now - this.kills.first >= GIVE_UP_MS) {
          log.error('A container runs on although it was killed', { app, container: container.id });
          return { error: null, known: null };
        }
        if (this.kills && now - this.kills.last >= KILL_AGAIN_MS) this.kill();
      } catch (error) {
        if (statusOf(error) === 404) return { error: null, known: null };
        const now = clock.monotonic();
        silentSince ??= now;
        if (now - silentSince >= LOST_MS) {
          daemon.doubt();
          return { error: daemonLost(`a runner of ${app} ran on it`, error), known: null };
        }
      }
      await clock.sleep(silentSince === null && looks < 40 ? LOOK_MS : SLOW_LOOK_MS);
    }
  }

  private async inspect(container: Docker.Container) {
    const limit = new AbortController();
    const timer = this.parts.clock.setTimeout(() => limit.abort(), CALL_MS);
    try {
      return await dialJson(container, {
        path: `/containers/${container.id}/json`,
        schema: StateSchema,
        signal: limit.signal,
      });
    } finally {
      timer.cancel();
    }
  }
}
