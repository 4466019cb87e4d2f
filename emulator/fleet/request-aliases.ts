/** Aliases kept; lines that an app prints long after its request are rare. */
const KEPT = 10_000;

/** Attempt ids of retried requests, by which a runner names them in its log lines. The oldest are forgotten. */
export class RequestAliases {
  private readonly ids = new Map<string, string>();

  add(alias: string, id: string): void {
    this.ids.set(alias, id);
    if (this.ids.size <= KEPT) return;
    for (const oldest of this.ids.keys()) {
      this.ids.delete(oldest);
      return;
    }
  }

  get(alias: string): string | undefined {
    return this.ids.get(alias);
  }
}
