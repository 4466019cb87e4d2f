import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../emulator/core/clock.ts';
import { silentLog } from '../../emulator/core/log.ts';
import { makeRecord } from '../../emulator/store/fixtures/records.ts';
import { openStore } from '../../emulator/store/open-store.ts';
import type { RequestStore } from '../../emulator/store/store.ts';

export interface StoreBenchOptions {
  /** Folder on the disk to measure; a state is made in it and removed. */
  dir: string;
  /** Submits per measurement. */
  ops: number;
  /** Submits under way at once in the concurrent measurement. */
  concurrency: number;
  /** Bytes of each input; default 2 KB. */
  inputBytes?: number;
  /** Requests that wait in the deep measurement; default 100,000. */
  queued?: number;
}

export interface SubmitFigures {
  perSecond: number;
  /** ms from `submit` to its acknowledgement. */
  p50: number;
  p99: number;
}

export interface StoreBenchFigures {
  one: SubmitFigures;
  many: SubmitFigures;
  /** One at a time, with 10 and with `queued` requests waiting. */
  shallow: SubmitFigures;
  deep: SubmitFigures;
  queued: number;
  /** Of the whole process, in bytes, after a collection where the process allows one. Idle: an open, empty store. */
  rssIdle: number;
  rssQueued: number;
  /** Seconds to open the state with all that waits. */
  reopenSeconds: number;
}

/** Measures the store by itself, on the disk that holds `dir`. For memory run it in a process of its own, with --expose-gc. */
export async function benchStore(options: StoreBenchOptions): Promise<StoreBenchFigures> {
  const { ops, concurrency, inputBytes = 2048, queued = 100_000 } = options;
  mkdirSync(options.dir, { recursive: true });
  const base = mkdtempSync(join(options.dir, 'store-bench-'));
  const open = (name: string) => openStore({ dir: join(base, name), clock: systemClock, log: silentLog });
  try {
    let store = await open('deep');
    const load = new Load(inputBytes);
    await load.submit(store, 10, 1);
    const rssIdle = residentBytes();
    await load.submit(store, 200, 1);
    const shallow = await load.submit(store, ops, 1);
    await load.submit(store, Math.max(queued - ops - 210, 0), 64);
    const rssQueued = residentBytes();
    const deep = await load.submit(store, ops, 1);
    await store.dispose();
    const started = systemClock.monotonic();
    store = await open('deep');
    const reopenSeconds = (systemClock.monotonic() - started) / 1000;
    await store.dispose();

    store = await open('rate');
    const one = await load.submit(store, ops, 1);
    const many = await load.submit(store, ops * 4, concurrency);
    await store.dispose();
    return { one, many, shallow, deep, queued, rssIdle, rssQueued, reopenSeconds };
  } finally {
    rmSync(base, { recursive: true, force: true });
  }
}

class Load {
  private sent = 0;
  private readonly inputBytes: number;

  constructor(inputBytes: number) {
    this.inputBytes = inputBytes;
  }

  /** Submits `count` requests, `concurrency` at a time. */
  async submit(store: RequestStore, count: number, concurrency: number): Promise<SubmitFigures> {
    const times: number[] = [];
    const started = systemClock.monotonic();
    let begun = 0;
    const lane = async () => {
      while (begun < count) {
        begun++;
        const seq = store.nextSeq();
        // As the gateway makes it: nothing shared between requests but what the program itself shares.
        const id = `00000000-0000-4000-8000-${String(this.sent++).padStart(12, '0')}`;
        const headers = structuredClone(HEADERS);
        const record = makeRecord({ id, seq, headers, inputBytes: this.inputBytes });
        const at = systemClock.monotonic();
        await store.submit(record, { kind: 'bytes', bytes: Buffer.alloc(this.inputBytes, 'x') });
        times.push(systemClock.monotonic() - at);
      }
    };
    await Promise.all(Array.from({ length: concurrency }, lane));
    const seconds = (systemClock.monotonic() - started) / 1000;
    times.sort((a, b) => a - b);
    return { perSecond: count / seconds, p50: quantile(times, 0.5), p99: quantile(times, 0.99) };
  }
}

const HEADERS: [string, string][] = [
  ['content-type', 'application/json'],
  ['accept', 'application/json'],
  ['user-agent', 'fal-client/1.0.3 (python)'],
  ['x-app-trace', 'bench'],
];

function residentBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage.rss();
}

function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.min(Math.floor(sorted.length * q), sorted.length - 1)] ?? Number.NaN;
}
