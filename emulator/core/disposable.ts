export interface Disposable {
  dispose(): void | Promise<void>;
}

/** Owns what holds a resource. Disposes in reverse order; what is added after disposal is disposed at once. */
export class DisposableStore implements Disposable {
  private readonly items: Disposable[] = [];
  private done = false;

  add<T extends Disposable>(item: T): T {
    if (this.done) void item.dispose();
    else this.items.push(item);
    return item;
  }

  /** Registers a plain cleanup function. */
  defer(cleanup: () => void | Promise<void>): void {
    this.add({ dispose: cleanup });
  }

  get disposed(): boolean {
    return this.done;
  }

  /** Disposes all; the first error is thrown after the rest was disposed. */
  async dispose(): Promise<void> {
    if (this.done) return;
    this.done = true;
    const errors: unknown[] = [];
    for (let item = this.items.pop(); item; item = this.items.pop()) {
      try {
        await item.dispose();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }
}
