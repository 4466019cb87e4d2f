import { Worker } from 'node:worker_threads';
import { WindtunnelError } from '../contract/index.ts';
import { damaged } from './failure.ts';
import { databasePath } from './layout.ts';
import type { FromWorker, NumberedOp, Op, OpResults, ToWorker, WorkerStart } from './protocol.ts';
import { storeError } from './store-error.ts';

interface Pending {
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** It keeps nothing but the operations of the current batch; a young generation of the default size would stay resident. */
const WORKER_LIMITS = { maxYoungGenerationSizeMb: 4 };

type Loaded = Exclude<FromWorker, { type: 'acks' | 'failed' | 'closed' }>;

/**
 * The emulator's end of the writer thread: numbers operations, sends those of one microtask as one message, settles their
 * promises by the answers. Rejections are WindtunnelErrors.
 */
export class WriterThread {
  private readonly pending = new Map<number, Pending>();
  private outbox: NumberedOp[] = [];
  private lastNumber = 0;
  private dead: WindtunnelError | null = null;
  private readonly exited: Promise<void>;
  private readonly worker: Worker;

  private constructor(worker: Worker, dir: string) {
    this.worker = worker;
    this.exited = new Promise((resolve) => {
      worker.once('exit', () => {
        this.fail(new WindtunnelError('E_STORE', `The store in ${dir} is closed.`));
        resolve();
      });
    });
    worker.on('error', (error) => {
      this.fail(new WindtunnelError('E_STORE', `The writer thread of ${dir} died: ${error.message}`, { cause: error }));
    });
  }

  /** Starts the thread and resolves once the state is open; `onLoad` is called with what it holds before that. */
  static async start(url: URL, data: WorkerStart, onLoad: (message: Loaded) => void): Promise<WriterThread> {
    // Node 22 warns of node:sqlite, which we use on purpose. (The process's own flags would be refused, such as its heap size.)
    const execArgv = ['--disable-warning=ExperimentalWarning'];
    const resourceLimits = WORKER_LIMITS;
    const worker = new Worker(url, { workerData: data, name: 'windtunnel store', execArgv, resourceLimits });
    const thread = new WriterThread(worker, data.dir);
    await new Promise<void>((resolve, reject) => {
      thread.pending.set(0, { resolve: () => resolve(), reject });
      worker.on('message', (message: FromWorker) => {
        if (message.type === 'acks') thread.settle(message);
        else if (message.type === 'failed') thread.fail(storeError(message.failure));
        else if (message.type !== 'closed') {
          try {
            onLoad(message);
          } catch (error) {
            thread.fail(storeError(damaged(databasePath(data.dir), `a row cannot be read (${String(error)}).`)));
          }
          if (message.type === 'opened') thread.take(0)?.resolve(undefined);
        }
      });
    }).catch(async (error: unknown) => {
      await worker.terminate();
      throw error;
    });
    return thread;
  }

  /** Sends one operation; the buffer of its body moves to the worker. Resolves with its result once it is durable. */
  send<K extends Op['kind']>(op: Extract<Op, { kind: K }>): Promise<OpResults[K]> {
    return new Promise<OpResults[K]>((resolve, reject) => {
      if (this.dead) return reject(this.dead);
      const n = ++this.lastNumber;
      this.pending.set(n, { resolve: resolve as Pending['resolve'], reject });
      if (this.outbox.length === 0) queueMicrotask(() => this.post());
      this.outbox.push({ ...(op as Op), n });
    });
  }

  /** Commits what was sent, closes the database and ends the thread. */
  async close(): Promise<void> {
    if (this.dead === null) {
      this.post();
      this.worker.postMessage({ type: 'close' } satisfies ToWorker);
    }
    await this.exited;
  }

  private post(): void {
    if (this.outbox.length === 0) return;
    const ops = this.outbox;
    this.outbox = [];
    const moved: ArrayBuffer[] = [];
    for (const op of ops) {
      if ((op.kind === 'submit' || op.kind === 'complete') && op.body.bytes?.buffer instanceof ArrayBuffer) {
        moved.push(op.body.bytes.buffer);
      }
    }
    this.worker.postMessage({ type: 'ops', ops } satisfies ToWorker, moved);
  }

  private settle(acks: Extract<FromWorker, { type: 'acks' }>): void {
    for (const n of acks.done) this.take(n)?.resolve(undefined);
    for (const [n, value] of acks.values) this.take(n)?.resolve(value);
    for (const [n, failure] of acks.failed) this.take(n)?.reject(storeError(failure));
  }

  private take(n: number): Pending | undefined {
    const pending = this.pending.get(n);
    this.pending.delete(n);
    return pending;
  }

  /** Nothing is answered any more: the first reason is the one that everybody gets. */
  private fail(error: WindtunnelError): void {
    this.dead ??= error;
    for (const pending of this.pending.values()) pending.reject(this.dead);
    this.pending.clear();
  }
}
