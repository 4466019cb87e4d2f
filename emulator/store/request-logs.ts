import { LIMITS, type LogLine } from '../contract/index.ts';
import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { DroppedLogs, LogChunk, LogTotals } from './protocol.ts';
import type { WriterThread } from './writer-thread.ts';

/** Text in one row: a read that starts late does not parse the whole log. */
const ROW_BYTES = 256 * 1024;
/** Text in one operation, below what a batch of the writer takes. */
const OP_BYTES = 2 * 1024 * 1024;

interface RequestLog {
  readonly seq: number;
  /** Lines on disk. */
  stored: number;
  /** Bytes of text, on disk and waiting. */
  bytes: number;
  /** Lines after those on disk. */
  waiting: LogLine[];
  dropped: DroppedLogs | null;
  droppedChanged: boolean;
}

/**
 * Log lines on their way to the disk. One write is under way at a time; lines that come meanwhile go with the next, so a chatty
 * app costs few commits. A write that fails leaves its lines here; they go with the next one.
 */
export class RequestLogs {
  private readonly logs = new Map<number, RequestLog>();
  private readonly changed = new Set<RequestLog>();
  private writing: Promise<void> | null = null;
  private scheduled = false;
  private readonly writer: () => WriterThread;
  private readonly clock: Clock;
  private readonly log: Log;

  constructor(writer: () => WriterThread, clock: Clock, log: Log) {
    this.writer = writer;
    this.clock = clock;
    this.log = log;
  }

  restoreTotals(totals: LogTotals): void {
    const log = this.of(totals.seq);
    log.stored = totals.lines;
    log.bytes = totals.bytes;
  }

  restoreDropped(seq: number, dropped: DroppedLogs): void {
    this.of(seq).dropped = dropped;
  }

  append(seq: number, lines: readonly LogLine[]): void {
    if (lines.length === 0) return;
    const log = this.of(seq);
    for (const line of lines) {
      const bytes = Buffer.byteLength(line.message);
      // Once a line was dropped all later ones are: a log with holes would mislead.
      if (log.dropped !== null || log.bytes + bytes > LIMITS.logBytesPerRequest) this.drop(log, bytes);
      else {
        log.bytes += bytes;
        log.waiting.push(line);
      }
    }
    this.changed.add(log);
    this.schedule();
  }

  /** Lines that `read` gives, with the one that says what was dropped. */
  count(seq: number): number {
    const log = this.logs.get(seq);
    return log === undefined ? 0 : log.stored + log.waiting.length + (log.dropped === null ? 0 : 1);
  }

  async read(seq: number, from: number): Promise<LogLine[]> {
    const log = this.logs.get(seq);
    if (log === undefined) return [];
    // All taken now: what moves to the disk while we read is neither lost nor seen twice.
    const { stored, waiting, dropped } = { ...log, waiting: log.waiting.slice() };
    const lines: LogLine[] = [];
    if (from < stored) {
      for (const row of await this.writer().send<'read-logs'>({ kind: 'read-logs', seq, from, to: stored })) {
        const parsed = JSON.parse(row.lines) as LogLine[];
        lines.push(...parsed.slice(Math.max(from - row.first, 0), stored - row.first));
      }
    }
    lines.push(...waiting.slice(Math.max(from - stored, 0)));
    if (dropped !== null && from <= stored + waiting.length) lines.push(droppedLine(dropped));
    return lines;
  }

  forget(seq: number): void {
    const log = this.logs.get(seq);
    if (log === undefined) return;
    this.logs.delete(seq);
    this.changed.delete(log);
  }

  /** Starts to write what waits, unless a write is under way. */
  pump(): void {
    if (this.writing !== null || this.changed.size === 0) return;
    this.writing = this.writeSome()
      .catch((error: unknown) => {
        this.log.error('log lines could not be written and are kept in memory', { error: String(error) });
        throw error;
      })
      .finally(() => {
        this.writing = null;
      });
    // Whoever waits in `flush` gets the error as well.
    this.writing.then(
      () => this.pump(),
      () => undefined,
    );
  }

  /** Resolves when all lines so far are on disk; rejects with the first write that fails. */
  async flush(): Promise<void> {
    while (this.writing !== null || this.changed.size > 0) {
      this.pump();
      await this.writing;
    }
  }

  private of(seq: number): RequestLog {
    let log = this.logs.get(seq);
    if (log === undefined) {
      log = { seq, stored: 0, bytes: 0, waiting: [], dropped: null, droppedChanged: false };
      this.logs.set(seq, log);
    }
    return log;
  }

  private drop(log: RequestLog, bytes: number): void {
    log.dropped ??= { lines: 0, bytes: 0, at: this.clock.now() };
    log.dropped.lines++;
    log.dropped.bytes += bytes;
    log.droppedChanged = true;
  }

  private schedule(): void {
    if (this.scheduled || this.writing !== null) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      this.pump();
    });
  }

  private async writeSome(): Promise<void> {
    const sent: [RequestLog, LogChunk][] = [];
    let room = OP_BYTES;
    for (const log of this.changed) {
      let taken = 0;
      do {
        const chunk = nextChunk(log, taken);
        if (taken === 0) log.droppedChanged = false;
        sent.push([log, chunk]);
        taken += chunk.count;
        room -= chunk.lines.length;
      } while (room > 0 && taken < log.waiting.length);
      if (taken === log.waiting.length) this.changed.delete(log);
      if (room <= 0) break;
    }
    try {
      await this.writer().send<'logs'>({ kind: 'logs', chunks: sent.map(([, chunk]) => chunk) });
    } catch (error) {
      for (const [log, chunk] of sent) {
        if (!this.logs.has(log.seq)) continue;
        log.droppedChanged ||= chunk.dropped !== null;
        this.changed.add(log);
      }
      throw error;
    }
    for (const [log, chunk] of sent) {
      log.waiting.splice(0, chunk.count);
      log.stored += chunk.count;
    }
  }
}

function nextChunk(log: RequestLog, skip: number): LogChunk {
  let bytes = 0;
  let count = 0;
  for (; skip + count < log.waiting.length && bytes < ROW_BYTES; count++) {
    bytes += Buffer.byteLength(log.waiting[skip + count]!.message);
  }
  return {
    seq: log.seq,
    first: log.stored + skip,
    count,
    bytes,
    lines: JSON.stringify(log.waiting.slice(skip, skip + count)),
    dropped: skip === 0 && log.droppedChanged && log.dropped ? { ...log.dropped } : null,
  };
}

function droppedLine(dropped: DroppedLogs): LogLine {
  const limit = LIMITS.logBytesPerRequest;
  return {
    timestamp: new Date(dropped.at).toISOString(),
    level: 'WARN',
    message: `Windtunnel dropped ${dropped.lines} more lines (${dropped.bytes} bytes): the log of one request is limited to ${limit} bytes.`,
    source: 'RUNNER',
    labels: {},
  };
}
