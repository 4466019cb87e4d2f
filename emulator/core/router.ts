/** What routing needs to know of a runner. */
export interface Routable {
  readonly id: string;
  readonly slots: number;
  readonly inFlight: { readonly size: number };
  hints: string[];
}

/**
 * Which runner takes the next request: one that advertised the request's hint, else one that advertised nothing (it matches
 * anything), else the free ones in turn (fal docs, development/advanced/optimize-routing-behavior: exact match, best effort,
 * round robin otherwise). O(1) a request.
 */
export class Router<T extends Routable> {
  /** Runners with a free slot; the one whose turn is next comes first. */
  private readonly free = new Set<T>();
  /** The free ones by what they advertise, and those that advertise nothing. */
  private readonly byHint = new Map<string, Set<T>>();
  private readonly plain = new Set<T>();

  /** A slot may have become free: puts the runner at the end of the turn if it is not in it. */
  offer(runner: T): void {
    if (runner.inFlight.size >= runner.slots || this.free.has(runner)) return;
    this.free.add(runner);
    this.index(runner);
  }

  /** No more requests for it. */
  withdraw(runner: T): void {
    this.suspend(runner);
    runner.hints = [];
  }

  /** It gets nothing until it is offered again; its hints stay. */
  suspend(runner: T): void {
    if (this.free.delete(runner)) this.unindex(runner);
  }

  get hasFree(): boolean {
    return this.free.size > 0;
  }

  pick(hint: string | null): T | undefined {
    if (hint === null) return first(this.free);
    return first(this.byHint.get(hint)) ?? first(this.plain) ?? first(this.free);
  }

  /** It took a request: to the end of the turn, or out of it when full. */
  taken(runner: T): void {
    this.suspend(runner);
    this.offer(runner);
  }

  /** Replaces what the runner advertised in `X-Fal-Runner-Hints`. */
  advertise(runner: T, hints: string[]): void {
    const free = this.free.has(runner);
    if (free) this.unindex(runner);
    runner.hints = hints;
    if (free) this.index(runner);
  }

  private index(runner: T): void {
    if (runner.hints.length === 0) this.plain.add(runner);
    for (const hint of runner.hints) {
      const runners = this.byHint.get(hint) ?? new Set();
      this.byHint.set(hint, runners.add(runner));
    }
  }

  private unindex(runner: T): void {
    this.plain.delete(runner);
    for (const hint of runner.hints) {
      const runners = this.byHint.get(hint);
      runners?.delete(runner);
      if (runners?.size === 0) this.byHint.delete(hint);
    }
  }
}

function first<T>(items: Iterable<T> | undefined): T | undefined {
  for (const item of items ?? []) return item;
  return undefined;
}
