import type { Timer } from '../../../core/clock.ts';
import { FakeClock } from '../../../core/fake-clock.ts';

/** A fake clock that tells which deadlines were asked for: how a test knows that a peer's bytes have been seen. */
export class RecordingClock extends FakeClock {
  readonly asked: number[] = [];

  override setTimeout(callback: () => void, ms: number): Timer {
    this.asked.push(ms);
    return super.setTimeout(callback, ms);
  }

  override setInterval(callback: () => void, ms: number): Timer {
    this.asked.push(ms);
    return super.setInterval(callback, ms);
  }
}
