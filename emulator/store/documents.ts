/** One change of a document; a null value removes it. */
export interface DocumentChange {
  collection: string;
  key: string;
  /** JSON text. */
  value: string | null;
}

/** Small durable records beside the queue (deployed apps, their revisions, environments), each a JSON text under a key. */
export interface Documents {
  /** All of one collection, as last committed. */
  all(collection: string): ReadonlyMap<string, string>;
  /** All changes or none. Resolves after COMMIT with synchronous=FULL; only then `all` shows them. Rejects with E_DISK_FULL, E_STORE. */
  write(changes: readonly DocumentChange[]): Promise<void>;
}

const NONE: ReadonlyMap<string, string> = new Map();

/** The documents in memory, over something that commits them. */
export class DocumentTable implements Documents {
  private readonly collections = new Map<string, Map<string, string>>();
  private readonly commit: (changes: DocumentChange[]) => Promise<unknown>;

  constructor(commit: (changes: DocumentChange[]) => Promise<unknown>) {
    this.commit = commit;
  }

  all(collection: string): ReadonlyMap<string, string> {
    return this.collections.get(collection) ?? NONE;
  }

  async write(changes: readonly DocumentChange[]): Promise<void> {
    if (changes.length === 0) return;
    await this.commit([...changes]);
    this.apply(changes);
  }

  /** Takes in what is committed already. */
  apply(changes: readonly DocumentChange[]): void {
    for (const { collection, key, value } of changes) {
      const documents = this.collections.get(collection) ?? new Map<string, string>();
      this.collections.set(collection, documents);
      if (value === null) documents.delete(key);
      else documents.set(key, value);
    }
  }
}
