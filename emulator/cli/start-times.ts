import type { StartPhase } from '../contract/index.ts';

/** What one runner's start spends its time on. */
export class StartTimes {
  readonly begun: number;
  /** It has begun to serve. */
  ready = false;
  phase: StartPhase = 'installing';
  private since: number;
  private readonly spent: Partial<Record<StartPhase, number>> = {};

  /** `at` in ms since the epoch, as everywhere here. */
  constructor(at: number) {
    this.begun = at;
    this.since = at;
  }

  /** True when this phase is new. */
  enter(phase: StartPhase, at: number): boolean {
    if (phase === this.phase) return false;
    this.spent[this.phase] = this.seconds(this.phase) + (at - this.since) / 1000;
    this.phase = phase;
    this.since = at;
    return true;
  }

  seconds(phase: StartPhase): number {
    return this.spent[phase] ?? 0;
  }

  /** `3.2 s (environment 1.1, import 1.6, setup 0.2)`. */
  summary(at: number): string {
    this.enter('ready', at);
    const parts = [
      `environment ${this.seconds('installing').toFixed(1)}`,
      `import ${(this.seconds('booting') + this.seconds('importing')).toFixed(1)}`,
      `setup ${this.seconds('setup').toFixed(1)}`,
    ];
    return `${((at - this.begun) / 1000).toFixed(1)} s (${parts.join(', ')})`;
  }
}
