import { type Clock, sleepOn, type Timer } from './clock.ts';

interface Entry {
  at: number;
  seq: number;
  every: number | null;
  callback: () => void;
}

/** A clock that stands still until a test advances it. Timers fire in order of their time, then of their creation. */
export class FakeClock implements Clock {
  private time: number;
  private seq = 0;
  private readonly entries = new Set<Entry>();

  constructor(start = Date.UTC(2026, 0, 1)) {
    this.time = start;
  }

  now(): number {
    return this.time;
  }

  monotonic(): number {
    return this.time;
  }

  setTimeout(callback: () => void, ms: number): Timer {
    return this.add(callback, ms, null);
  }

  setInterval(callback: () => void, ms: number): Timer {
    return this.add(callback, ms, ms);
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal);
  }

  /** Timers that are still to fire. */
  get pending(): number {
    return this.entries.size;
  }

  /** Moves time on by `ms`, firing what is due on the way. */
  advance(ms: number): void {
    const end = this.time + ms;
    for (let next = this.next(end); next; next = this.next(end)) {
      this.time = Math.max(this.time, next.at);
      if (next.every === null) this.entries.delete(next);
      else next.at += next.every;
      next.callback();
    }
    this.time = end;
  }

  /** As `advance`, letting promises settle between timers. */
  async advanceAsync(ms: number): Promise<void> {
    const end = this.time + ms;
    await settle();
    for (let next = this.next(end); next; next = this.next(end)) {
      this.time = Math.max(this.time, next.at);
      if (next.every === null) this.entries.delete(next);
      else next.at += next.every;
      next.callback();
      await settle();
    }
    this.time = end;
    await settle();
  }

  private add(callback: () => void, ms: number, every: number | null): Timer {
    const entry: Entry = { at: this.time + Math.max(ms, 0), seq: this.seq++, every, callback };
    this.entries.add(entry);
    return { cancel: () => this.entries.delete(entry) };
  }

  private next(end: number): Entry | undefined {
    let best: Entry | undefined;
    for (const e of this.entries) {
      if (e.at > end) continue;
      if (!best || e.at < best.at || (e.at === best.at && e.seq < best.seq)) best = e;
    }
    return best;
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
