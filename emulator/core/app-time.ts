import type { Clock } from './clock.ts';

/** The time that passes for one app: it stands still while a debugger has the app stopped. ms since the epoch, less the stops. */
export class AppTime {
  private readonly clock: Pick<Clock, 'now'>;
  private frozenAt: number | null = null;
  private lost = 0;

  constructor(clock: Pick<Clock, 'now'>) {
    this.clock = clock;
  }

  now(): number {
    return (this.frozenAt ?? this.clock.now()) - this.lost;
  }

  get frozen(): boolean {
    return this.frozenAt !== null;
  }

  freeze(): void {
    this.frozenAt ??= this.clock.now();
  }

  thaw(): void {
    if (this.frozenAt === null) return;
    this.lost += this.clock.now() - this.frozenAt;
    this.frozenAt = null;
  }
}
