/** Values pushed by callbacks, taken by `for await`. Ends with `end()` or the signal. */
export class PushQueue<T> implements AsyncIterable<T> {
  private readonly waiting: T[] = [];
  private readonly limit: number;
  private wake: (() => void) | null = null;
  private ended = false;

  /** Past `limit` values that nobody took the queue ends: the reader is gone or hopelessly slow. */
  constructor(signal: AbortSignal, limit = 100_000) {
    this.limit = limit;
    if (signal.aborted) this.ended = true;
    else signal.addEventListener('abort', () => this.end(), { once: true });
  }

  push(value: T): void {
    if (this.ended) return;
    this.waiting.push(value);
    if (this.waiting.length > this.limit) this.ended = true;
    this.wake?.();
  }

  end(): void {
    this.ended = true;
    this.wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      yield* this.waiting.splice(0);
      if (this.waiting.length > 0) continue;
      if (this.ended) return;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
      this.wake = null;
    }
  }
}
