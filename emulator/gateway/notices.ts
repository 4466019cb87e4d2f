import type { EventBus } from '../core/event-bus.ts';
import type { HttpFailure } from './failure.ts';

const KEPT = 1000;

/** Tells the user once what was asked for and is not emulated: the caller may be an app or a page that shows no errors. */
export class FidelityNotices {
  private readonly bus: EventBus;
  private readonly told = new Set<string>();

  constructor(bus: EventBus) {
    this.bus = bus;
  }

  tell({ error }: HttpFailure): void {
    if (error.kind !== 'fidelity' || this.told.has(error.message) || this.told.size >= KEPT) return;
    this.told.add(error.message);
    const message = error.hint === undefined ? error.message : `${error.message} ${error.hint}`;
    this.bus.emit({ type: 'emulator.notice', level: 'warn', code: error.code, message });
  }
}
