import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { EmulatorEvent, LogLine, RequestOutcome, RequestRecord } from '../../emulator/contract/index.ts';
import { Deliveries, type Delivery } from '../../emulator/store/deliveries.ts';
import type { RequestStore, StoredBody } from '../../emulator/store/store.ts';

/** A RequestStore without a disk (but for large bodies), whose commits a test may hold back or refuse. */
export class MemoryStore implements RequestStore {
  /** Called before each commit; a rejection is the commit's. */
  beforeCommit: (what: 'submit' | 'update' | 'complete', record: RequestRecord) => Promise<void> | void = () =>
    undefined;
  readonly completed: string[] = [];
  private readonly byId = new Map<string, RequestRecord>();
  private readonly inputs = new Map<string, StoredBody>();
  private readonly results = new Map<string, StoredBody>();
  private readonly lines = new Map<string, LogLine[]>();
  private readonly events = new Map<string, EmulatorEvent[]>();
  private readonly due = new Deliveries();
  private folder: string | null = null;
  private files = 0;
  private seq = 0;

  get(id: string): RequestRecord | undefined {
    return this.byId.get(id);
  }

  *records(): IterableIterator<RequestRecord> {
    yield* [...this.byId.values()].sort((a, b) => a.seq - b.seq);
  }

  nextSeq(): number {
    return ++this.seq;
  }

  newBodyFile(): string {
    this.folder ??= mkdtempSync(path.join(tmpdir(), 'wt-ms-'));
    return path.join(this.folder, String(++this.files));
  }

  async submit(record: RequestRecord, input: StoredBody): Promise<void> {
    await this.beforeCommit('submit', record);
    this.byId.set(record.id, record);
    this.inputs.set(record.id, input);
  }

  async input(id: string): Promise<StoredBody> {
    const input = this.inputs.get(id);
    if (!input) throw new Error(`no input of ${id}`);
    return input;
  }

  async update(record: RequestRecord): Promise<void> {
    await this.beforeCommit('update', record);
  }

  async complete(
    record: RequestRecord,
    outcome: RequestOutcome,
    completedAt: number,
    result: StoredBody,
  ): Promise<void> {
    await this.beforeCommit('complete', record);
    if (record.state === 'COMPLETED') throw new Error(`${record.id} is complete already`);
    Object.assign(record, { outcome, completedAt, state: 'COMPLETED' });
    this.results.set(record.id, result);
    this.completed.push(record.id);
    if (record.webhook !== null) this.due.set(record, 0, completedAt);
  }

  async result(id: string): Promise<StoredBody | null> {
    return this.results.get(id) ?? null;
  }

  appendLogs(id: string, lines: readonly LogLine[]): void {
    this.lines.set(id, [...(this.lines.get(id) ?? []), ...lines]);
  }

  async logs(id: string, from = 0): Promise<LogLine[]> {
    return (this.lines.get(id) ?? []).slice(from);
  }

  logCount(id: string): number {
    return this.lines.get(id)?.length ?? 0;
  }

  appendStory(id: string, event: EmulatorEvent): void {
    this.events.set(id, [...(this.events.get(id) ?? []), event]);
  }

  async story(id: string): Promise<EmulatorEvent[]> {
    return this.events.get(id) ?? [];
  }

  deliveries(): Delivery[] {
    return this.due.list();
  }

  async delivered(id: string, tries: number, nextAt: number | null): Promise<void> {
    this.due.set(this.byId.get(id)!, tries, nextAt);
  }

  async expire(now: number): Promise<number> {
    const gone = [...this.byId.values()].filter((record) => record.outcome !== null && record.outcome.expiresAt < now);
    for (const { id } of gone) for (const map of [this.byId, this.inputs, this.results, this.lines]) map.delete(id);
    return gone.length;
  }

  async flush(): Promise<void> {
    await Promise.resolve();
  }

  dispose(): void {
    if (this.folder) rmSync(this.folder, { recursive: true, force: true });
  }
}
