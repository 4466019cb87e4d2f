import { type RunnerSpec, toWindtunnelError } from '../../contract/index.ts';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Log } from '../../core/log.ts';
import { Spare } from './spare.ts';

/** What was started ahead and is not used ends after this (ms): files are uploaded between a deployment's begin and its app. */
const IDLE_MS = 120_000;

export interface ShelfOptions {
  /** Starts one as for a runner of this spec. */
  make(model: RunnerSpec): Promise<Spare>;
  clock: Clock;
  log: Log;
}

/** At most one runner that was started ahead, for an app like the last deployed one. */
export class SpareShelf {
  private readonly options: ShelfOptions;
  private model: RunnerSpec | null = null;
  private spare: Promise<Spare | null> | null = null;
  private timer: Timer | null = null;
  private disposed = false;

  constructor(options: ShelfOptions) {
    this.options = options;
  }

  startAhead(): void {
    if (this.disposed || !this.model || this.spare) return;
    const { make, clock, log } = this.options;
    const made = make(this.model).catch((error: unknown) => {
      log.debug('Nothing was started ahead', { error: toWindtunnelError(error).message });
      return null;
    });
    this.spare = made;
    this.timer = clock.setTimeout(() => this.drop(made), IDLE_MS);
    void made.then((spare) => (spare ? spare.exited : undefined)).then(() => this.drop(made));
  }

  /** What was started ahead, where such a runner may be made of it; it is the caller's from now on. */
  async take(spec: RunnerSpec): Promise<Spare | null> {
    if (!Spare.suits(spec)) return null;
    this.model = spec;
    return this.clear();
  }

  async dispose(): Promise<void> {
    this.disposed = true;
    await (await this.clear())?.end();
  }

  private clear(): Promise<Spare | null> {
    const spare = this.spare ?? Promise.resolve(null);
    this.spare = null;
    this.timer?.cancel();
    this.timer = null;
    return spare;
  }

  /** It ended, or nobody came. */
  private drop(made: Promise<Spare | null>): void {
    if (this.spare !== made) return;
    this.clear()
      .then((spare) => spare?.end())
      .catch((error: unknown) => {
        const { message } = toWindtunnelError(error);
        this.options.log.error('What was started ahead could not be removed', { error: message });
      });
  }
}
