import type { AppId } from '../contract/index.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { Disposable } from '../core/disposable.ts';
import type { Log } from '../core/log.ts';
import type { RequestStore } from '../store/store.ts';
import type { RequestChange } from './fleet.ts';

/** Positions of an app's queue change with every dispatch; those who wait are told at most this often. ms. */
const POSITIONS_EVERY_MS = 100;

/** Who wants to know of which request. Listeners are called one change at a time, with the log lines they have not seen. */
export class Watchers {
  private readonly byRequest = new Map<string, Set<Watcher>>();
  private readonly pending = new Map<AppId, Timer>();
  private readonly store: RequestStore;
  private readonly clock: Clock;
  private readonly log: Log;

  constructor(store: RequestStore, clock: Clock, log: Log) {
    this.store = store;
    this.clock = clock;
    this.log = log;
  }

  watch(id: string, listener: (change: RequestChange) => void): Disposable {
    const watcher = new Watcher(id, listener, this.store, this.log);
    const watchers = this.byRequest.get(id) ?? new Set();
    this.byRequest.set(id, watchers.add(watcher));
    watcher.changed();
    return {
      dispose: () => {
        watcher.done = true;
        watchers.delete(watcher);
        if (watchers.size === 0 && this.byRequest.get(id) === watchers) this.byRequest.delete(id);
      },
    };
  }

  changed(id: string): void {
    for (const watcher of this.byRequest.get(id) ?? []) watcher.changed();
  }

  /** The queue of an app moved on. */
  positionsChanged(app: AppId): void {
    if (this.byRequest.size === 0 || this.pending.has(app)) return;
    const timer = this.clock.setTimeout(() => {
      this.pending.delete(app);
      for (const id of this.byRequest.keys()) {
        const record = this.store.get(id);
        if (record?.app === app && record.state === 'IN_QUEUE') this.changed(id);
      }
    }, POSITIONS_EVERY_MS);
    this.pending.set(app, timer);
  }

  dispose(): void {
    for (const timer of this.pending.values()) timer.cancel();
    this.pending.clear();
    for (const watchers of this.byRequest.values()) for (const watcher of watchers) watcher.done = true;
    this.byRequest.clear();
  }
}

class Watcher {
  done = false;
  private readonly id: string;
  private readonly listener: (change: RequestChange) => void;
  private readonly store: RequestStore;
  private readonly log: Log;
  private seen = 0;
  private busy = false;
  private dirty = false;

  constructor(id: string, listener: (change: RequestChange) => void, store: RequestStore, log: Log) {
    this.id = id;
    this.listener = listener;
    this.store = store;
    this.log = log;
  }

  changed(): void {
    this.dirty = true;
    if (this.busy) return;
    this.busy = true;
    this.tell().catch((error: unknown) => {
      this.busy = false;
      this.log.error('could not tell a watcher of a request', { request: this.id, error });
    });
  }

  private async tell(): Promise<void> {
    while (this.dirty && !this.done) {
      this.dirty = false;
      const record = this.store.get(this.id);
      if (!record) break;
      const fresh = this.store.logCount(this.id) > this.seen;
      const logs = fresh ? await this.store.logs(this.id, this.seen) : [];
      this.seen += logs.length;
      if (!this.done) this.listener({ record, logs });
    }
    this.busy = false;
  }
}
