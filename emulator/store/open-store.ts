import type { Clock } from '../core/clock.ts';
import { type Failpoints, noFailpoints } from '../core/failpoints.ts';
import type { Log } from '../core/log.ts';
import type { Sabotage } from './protocol.ts';
import { SqliteStore } from './sqlite-store.ts';
import type { Store } from './store.ts';
import { WriterThread } from './writer-thread.ts';

// Enough for what is dispatched or polled soon; 100,000 waiting requests must fit in 150 MB with all else.
const CACHE_BYTES = 8 * 1024 * 1024;

export interface OpenStoreOptions {
  /** The state folder; made when missing. */
  dir: string;
  clock: Clock;
  log: Log;
  failpoints?: Failpoints;
  /** The writer thread's file. Default: beside this one, as source or as bundled. */
  workerUrl?: URL;
  /** Bytes of small bodies kept in memory; default 8 MiB. */
  cacheBytes?: number;
  /** A deliberate fault that the tests must catch; ignored unless failpoints are armed. */
  sabotage?: Sabotage;
}

/**
 * Opens the durable queue state in a folder for this process alone. Rejects with E_STATE_LOCKED, E_STATE_NEWER, E_STATE_DAMAGED,
 * E_DISK_FULL or E_STORE.
 */
export async function openStore(options: OpenStoreOptions): Promise<Store> {
  const { dir, clock, log, failpoints = noFailpoints, cacheBytes = CACHE_BYTES } = options;
  const store = new SqliteStore({ dir, clock, log, failpoints, cacheBytes });
  const start = { dir, failpoints: failpoints.rules, sabotage: options.sabotage ?? null };
  store.attach(await WriterThread.start(options.workerUrl ?? defaultWorkerUrl(), start, store.loader()));
  return store;
}

/** The bundle has the worker as `store-worker.js` beside it; from source Node runs worker.ts with its types stripped. */
function defaultWorkerUrl(): URL {
  return new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './store-worker.js', import.meta.url);
}
