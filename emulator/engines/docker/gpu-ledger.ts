import { WindtunnelError } from '../../contract/index.ts';

interface Waiting {
  count: number;
  grant(): boolean;
}

/** Which runner has which GPU. Daemons keep no such book: asked for two, they give out the first two each time. */
export class GpuLedger {
  private readonly holders = new Map<string, string>();
  private readonly waiting: Waiting[] = [];
  private ids: readonly string[] = [];

  /** The ids that there are now; runners keep those that they have. */
  know(ids: readonly string[]): void {
    this.ids = ids;
    this.serve();
  }

  /**
   * `count` GPUs for a runner, waiting in turn until so many are free. Rejects with E_DOCKER_GPU when there are not so many
   * at all, and with the signal's reason.
   */
  take(runner: string, count: number, signal: AbortSignal): Promise<string[]> {
    if (count === 0) return Promise.resolve([]);
    if (count > this.ids.length) {
      const message = `The app asks for ${count} GPUs, and the daemon has ${this.ids.length}.`;
      throw new WindtunnelError('E_DOCKER_GPU', message, { hint: 'Set num_gpus to what this machine has.' });
    }
    return new Promise((resolve, reject) => {
      const entry: Waiting = {
        count,
        grant: () => {
          const free = this.free();
          if (free.length < count) return false;
          const taken = free.slice(0, count);
          for (const id of taken) this.holders.set(id, runner);
          signal.removeEventListener('abort', leave);
          resolve(taken);
          return true;
        },
      };
      const leave = () => {
        const at = this.waiting.indexOf(entry);
        if (at >= 0) this.waiting.splice(at, 1);
        reject(signal.reason);
        this.serve();
      };
      signal.addEventListener('abort', leave, { once: true });
      this.waiting.push(entry);
      this.serve();
    });
  }

  give(runner: string): void {
    for (const [id, holder] of this.holders) if (holder === runner) this.holders.delete(id);
    this.serve();
  }

  free(): string[] {
    return this.ids.filter((id) => !this.holders.has(id));
  }

  /** In turn: one that asks for many is not passed by those that ask for few. */
  private serve(): void {
    while (this.waiting[0]?.grant()) this.waiting.shift();
  }
}
