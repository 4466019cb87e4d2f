/** What routing needs to know of a runner. */
export interface Routable {
  readonly id: string;
  readonly slots: number;
  readonly inFlight: { readonly size: number };
  hints: string[];
}

/**
 * Which runner takes the next request: one that advertised the request's hint, else the free ones in turn (fal docs,
 * development/advanced/optimize-routing-behavior: exact match, best effort, round robin otherwise). O(1) a request.
 */
export class Router<T extends Routable> {
  /** Runners with a free slot; the one whose turn is next comes first. */
  private readonly free = new Set<T>();
  private readonly byHint = new Map<string, Set<T>>();

  /** A slot may have become free: puts the runner at the end of the turn if it is not in it. */
  offer(runner: T): void {
    if (runner.inFlight.size < runner.slots) this.free.add(runner);
  }

  /** No more requests for it. */
  withdraw(runner: T): void {
    this.free.delete(runner);
    this.advertise(runner, []);
  }

  /** It gets nothing until it is offered again; its hints stay. */
  suspend(runner: T): void {
    this.free.delete(runner);
  }

  get hasFree(): boolean {
    return this.free.size > 0;
  }

  pick(hint: string | null): T | undefined {
    if (hint !== null) {
      for (const runner of this.byHint.get(hint) ?? []) if (this.free.has(runner)) return runner;
    }
    for (const runner of this.free) return runner;
    return undefined;
  }

  /** It took a request: to the end of the turn, or out of it when full. */
  taken(runner: T): void {
    this.free.delete(runner);
    this.offer(runner);
  }

  /** Replaces what the runner advertised in `X-Fal-Runner-Hints`. */
  advertise(runner: T, hints: string[]): void {
    for (const hint of runner.hints) {
      const runners = this.byHint.get(hint);
      runners?.delete(runner);
      if (runners?.size === 0) this.byHint.delete(hint);
    }
    runner.hints = hints;
    for (const hint of hints) {
      const runners = this.byHint.get(hint) ?? new Set();
      this.byHint.set(hint, runners.add(runner));
    }
  }
}
