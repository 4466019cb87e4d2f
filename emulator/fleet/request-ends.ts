import type { Clock, Timer } from '../core/clock.ts';

/** How long an answered request waits for its last lines, so that a runner that never tells its end delays it no more. ms. */
export const LAST_LINES_MS = 250;

interface Expected {
  runner: string;
  /** Set while someone waits. */
  wake: (() => void) | null;
}

/**
 * Which attempts may still print: an answer comes by the app's own socket, the lines before it by the link, so that the
 * faster of the two is no sign of the other.
 */
export class RequestEnds {
  private readonly expected = new Map<string, Expected>();
  private readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** Before the attempt is sent: its end may be told before its answer. */
  expect(request: string, runner: string): void {
    this.expected.set(request, { runner, wake: null });
  }

  seen(request: string): void {
    const expected = this.expected.get(request);
    this.expected.delete(request);
    expected?.wake?.();
  }

  forget(request: string): void {
    this.expected.delete(request);
  }

  /** The link of a runner is closed: what it had to say was said. */
  runnerGone(runner: string): void {
    for (const [request, expected] of this.expected) if (expected.runner === runner) this.seen(request);
  }

  /** Undefined where nothing is to be waited for; else resolves with the end, or LAST_LINES_MS from now. */
  wait(request: string): Promise<void> | undefined {
    const told = this.told(request);
    if (!told) return undefined;
    const timer: Timer = this.clock.setTimeout(() => this.seen(request), LAST_LINES_MS);
    return told.finally(() => timer.cancel());
  }

  /** As `wait`, for a runner that surely tells its end: however long that takes. */
  told(request: string): Promise<void> | undefined {
    const expected = this.expected.get(request);
    if (!expected) return undefined;
    return new Promise((resolve) => {
      expected.wake = resolve;
    });
  }

  /** Nobody waits any more. */
  dispose(): void {
    for (const request of [...this.expected.keys()]) this.seen(request);
  }
}
