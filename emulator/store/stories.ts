import type { EmulatorEvent } from '../contract/index.ts';

/**
 * Events of requests on their way to the disk. They go with the next write of their request, which its next step makes anyway:
 * a story costs no commit of its own.
 */
export class Stories {
  private readonly waiting = new Map<number, string>();

  append(seq: number, event: EmulatorEvent): void {
    this.waiting.set(seq, `${this.waiting.get(seq) ?? ''}${JSON.stringify(event)}\n`);
  }

  /** What waits for a write, which takes it along; '' for nothing. */
  take(seq: number): string {
    const text = this.waiting.get(seq) ?? '';
    this.waiting.delete(seq);
    return text;
  }

  /** The write failed: it goes with the next one. */
  putBack(seq: number, text: string): void {
    if (text !== '') this.waiting.set(seq, text + (this.waiting.get(seq) ?? ''));
  }

  /** All events, those on disk first. */
  events(seq: number, stored: string): EmulatorEvent[] {
    const lines = (stored + (this.waiting.get(seq) ?? '')).split('\n');
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as EmulatorEvent);
  }

  forget(seq: number): void {
    this.waiting.delete(seq);
  }
}
