import type { Clock, Timer } from '../../core/clock.ts';
import type { Disposable } from '../../core/disposable.ts';

/** Who follows an emulator's events. One that an editor started ends a while after the last of them left. */
export class Audience implements Disposable {
  private readonly clock: Clock;
  private readonly lingerSeconds: number | null;
  private readonly left: () => void;
  private followers = 0;
  private timer: Timer | null = null;

  /** `left` is called once nobody has followed for `lingerSeconds`, from the start on; null: never. */
  constructor(clock: Clock, lingerSeconds: number | null, left: () => void) {
    this.clock = clock;
    this.lingerSeconds = lingerSeconds;
    this.left = left;
    this.wait();
  }

  /** One follower, until the signal aborts. */
  join(signal: AbortSignal): void {
    this.followers += 1;
    this.timer?.cancel();
    this.timer = null;
    signal.addEventListener(
      'abort',
      () => {
        this.followers -= 1;
        this.wait();
      },
      { once: true },
    );
  }

  dispose(): void {
    this.timer?.cancel();
  }

  private wait(): void {
    if (this.lingerSeconds === null || this.followers > 0) return;
    this.timer = this.clock.setTimeout(this.left, this.lingerSeconds * 1000);
  }
}
