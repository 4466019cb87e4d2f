import { LIMITS, type LogLine } from '../contract/index.ts';
import type { RunnerLog } from '../engines/engine.ts';

const CUT_MARK = ' … [cut]';

/** A runner's line as it is stored: secrets taken out, cut to its limit. */
export function toLogLine(log: RunnerLog, redact: (text: string) => string): LogLine {
  return {
    timestamp: new Date(log.at).toISOString(),
    level: log.level,
    message: cut(redact(log.message)),
    source: log.request === null ? 'RUNNER' : 'USER',
    labels: {},
  };
}

function cut(message: string): string {
  // Characters first: a character is at most 3 bytes here, and most lines are far below the limit.
  if (message.length * 3 <= LIMITS.logLineBytes || Buffer.byteLength(message) <= LIMITS.logLineBytes) return message;
  const bytes = Buffer.from(message).subarray(0, LIMITS.logLineBytes);
  // A character cut in two decodes to the replacement character.
  return bytes.toString('utf8').replace(/\uFFFD+$/, '') + CUT_MARK;
}

/** The newest lines within a number of bytes. */
export class LogRing {
  private lines: LogLine[] = [];
  private first = 0;
  private bytes = 0;

  push(line: LogLine): void {
    this.lines.push(line);
    this.bytes += line.message.length;
    while (this.bytes > LIMITS.logBytesPerRunner && this.first < this.lines.length - 1) {
      this.bytes -= this.lines[this.first++]!.message.length;
    }
    if (this.first > 1000 && this.first * 2 > this.lines.length) {
      this.lines = this.lines.slice(this.first);
      this.first = 0;
    }
  }

  /** Oldest first. */
  all(): LogLine[] {
    return this.lines.slice(this.first);
  }
}
