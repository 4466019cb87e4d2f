interface Entry<T> {
  result: Promise<T>;
  cancel: AbortController;
  listeners: Set<(line: string) => void>;
  /** Lines so far, for who joins late. */
  lines: string[];
}

/** Work that several callers wait for: done once per key, cancelled only when all who wait have left. */
export class SharedWork<T> {
  private readonly running = new Map<string, Entry<T>>();

  /** Joins the work of `key`, starting it if none runs. Rejects with the signal's reason when this caller leaves. */
  async join(
    key: string,
    onLine: (line: string) => void,
    signal: AbortSignal,
    start: (report: (line: string) => void, cancelled: AbortSignal) => Promise<T>,
  ): Promise<T> {
    signal.throwIfAborted();
    let entry = this.running.get(key);
    // Work that all have left is on its way out: what comes now waits for that, then starts anew.
    while (entry?.cancel.signal.aborted) {
      await entry.result.catch(() => undefined);
      signal.throwIfAborted();
      entry = this.running.get(key);
    }
    entry ??= this.begin(key, start);
    // A listener of its own for each caller, even when two pass the same function.
    const listener = (line: string) => onLine(line);
    for (const line of entry.lines) onLine(line);
    entry.listeners.add(listener);
    return await this.waitFor(entry, listener, signal);
  }

  private begin(key: string, start: (report: (line: string) => void, cancelled: AbortSignal) => Promise<T>): Entry<T> {
    const cancel = new AbortController();
    const listeners = new Set<(line: string) => void>();
    const lines: string[] = [];
    const report = (line: string) => {
      lines.push(line);
      for (const listener of listeners) listener(line);
    };
    const result = start(report, cancel.signal).finally(() => this.running.delete(key));
    // Callers that left no longer listen for its end.
    result.catch(() => undefined);
    const entry = { result, cancel, listeners, lines };
    this.running.set(key, entry);
    return entry;
  }

  private async waitFor(entry: Entry<T>, listener: (line: string) => void, signal: AbortSignal): Promise<T> {
    let leave: (reason: unknown) => void = () => undefined;
    const left = new Promise<never>((_, reject) => {
      leave = reject;
    });
    const onAbort = () => {
      entry.listeners.delete(listener);
      if (entry.listeners.size > 0) {
        leave(signal.reason);
        return;
      }
      // The last one waits for the clean-up, so that nothing is left when its call has ended.
      entry.cancel.abort(signal.reason);
      entry.result.then(
        () => leave(signal.reason),
        () => leave(signal.reason),
      );
    };
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await Promise.race([entry.result, left]);
    } finally {
      signal.removeEventListener('abort', onAbort);
      entry.listeners.delete(listener);
    }
  }
}
