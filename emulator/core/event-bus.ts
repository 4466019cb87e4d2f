import type { EmulatorEvent, NewEvent } from '../contract/index.ts';
import type { Clock } from './clock.ts';
import type { Disposable } from './disposable.ts';

/** Fan-out of EmulatorEvents, with a ring of the last ones for late listeners. Listeners must not throw. */
export class EventBus {
  private readonly listeners = new Set<(event: EmulatorEvent) => void>();
  private readonly ring: EmulatorEvent[] = [];

  private readonly clock: Clock;
  private readonly keep: number;

  constructor(clock: Clock, keep = 5000) {
    this.clock = clock;
    this.keep = keep;
  }

  emit(event: NewEvent): void {
    const stamped = { at: this.clock.now(), ...event } as EmulatorEvent;
    this.ring.push(stamped);
    // Trimmed a fifth at a time: shifting at each event would move the whole ring.
    if (this.ring.length > this.keep * 1.2) this.ring.splice(0, this.ring.length - this.keep);
    for (const listener of this.listeners) listener(stamped);
  }

  on(listener: (event: EmulatorEvent) => void): Disposable {
    this.listeners.add(listener);
    return { dispose: () => void this.listeners.delete(listener) };
  }

  /** The newest events, oldest first. */
  recent(): readonly EmulatorEvent[] {
    return this.ring.slice(-this.keep);
  }
}
