import type { ColdStart, StartPhase } from '../contract/index.ts';

const PART: Partial<Record<StartPhase, keyof ColdStart>> = {
  installing: 'image',
  booting: 'boot',
  importing: 'import',
  setup: 'setup',
};

/** What a runner's start spends its time on. Times in ms since the epoch. */
export class StartClock {
  private readonly seconds: ColdStart = { image: 0, boot: 0, import: 0, setup: 0 };
  private part: keyof ColdStart = 'image';
  private since: number;
  /** Null until it serves. */
  private readyAt: number | null = null;
  private readonly begun: number;

  constructor(begun: number) {
    this.begun = begun;
    this.since = begun;
  }

  enter(phase: StartPhase, now: number): void {
    if (this.readyAt !== null) return;
    this.seconds[this.part] += (now - this.since) / 1000;
    this.since = now;
    if (phase === 'ready') this.readyAt = now;
    else this.part = PART[phase] ?? this.part;
  }

  /** What a request that waits since then waited for: null where the runner served already. */
  waitedFrom(since: number): { waited: number; seconds: ColdStart } | null {
    if (this.readyAt === null || this.readyAt <= since) return null;
    return { waited: (this.readyAt - Math.max(since, this.begun)) / 1000, seconds: { ...this.seconds } };
  }
}
