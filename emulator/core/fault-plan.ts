import type { Fault, FaultRule, Scenario } from '../contract/index.ts';

type StartFault = Extract<Fault, { kind: 'slow-start' }>;
export type RequestFault = Exclude<Fault, StartFault>;

/** Which faults a scenario has for each attempt and start, by its counts and its seed alone. */
export class FaultPlan {
  readonly scenario: Scenario;
  private readonly seen: number[];
  private readonly random: () => number;

  constructor(scenario: Scenario) {
    this.scenario = scenario;
    this.seen = scenario.rules.map(() => 0);
    this.random = seeded(scenario.seed ?? 1);
  }

  /** For one attempt at a path (with or without query): delays, and at most one fault that decides its end, last. */
  forAttempt(path: string): RequestFault[] {
    const faults: RequestFault[] = [];
    for (const [index, rule] of this.scenario.rules.entries()) {
      const { fault } = rule;
      if (fault.kind === 'slow-start' || !matches(rule, path) || !this.strikes(index, rule)) continue;
      faults.push(fault);
      if (fault.kind !== 'delay') break;
    }
    return faults;
  }

  /** Seconds that the start of a runner is to be held back. */
  forStart(): number {
    let seconds = 0;
    for (const [index, rule] of this.scenario.rules.entries()) {
      if (rule.fault.kind === 'slow-start' && this.strikes(index, rule)) seconds += rule.fault.seconds;
    }
    return seconds;
  }

  private strikes(index: number, { rate, count, every, after = 0 }: FaultRule): boolean {
    const nth = ++this.seen[index]! - after;
    if (nth <= 0) return false;
    if (rate !== undefined) return this.random() < rate;
    if (count !== undefined) return nth <= count;
    return every === undefined || nth % every === 0;
  }
}

function matches({ path: wanted }: FaultRule, path: string): boolean {
  return wanted === undefined || wanted === (path.split('?', 1)[0] || '/');
}

/** The finalizer of MurmurHash3 over a counter: the same numbers in [0, 1) for the same seed, on every machine. */
function seeded(seed: number): () => number {
  let counter = Math.imul(seed ^ 0x5bd1e995, 0x85ebca6b);
  return () => {
    counter = (counter + 0x9e3779b1) | 0;
    let mixed = counter ^ (counter >>> 16);
    mixed = Math.imul(mixed, 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}
