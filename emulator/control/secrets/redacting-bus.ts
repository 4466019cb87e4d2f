import type { NewEvent } from '../../contract/index.ts';
import type { Clock } from '../../core/clock.ts';
import { EventBus } from '../../core/event-bus.ts';
import type { Redactor } from '../../core/redactor.ts';

/** An event bus from which no secret comes out, whoever emitted it. */
export class RedactingEventBus extends EventBus {
  private readonly redactor: Redactor;

  constructor(clock: Clock, redactor: Redactor) {
    super(clock);
    this.redactor = redactor;
  }

  override emit(event: NewEvent): void {
    super.emit(this.redactor.redactDeep(event));
  }
}
