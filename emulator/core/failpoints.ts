/**
 * Moments at which a test may kill the process or make a step fail, in the order in which a request meets them. Whoever owns
 * a step adds its name here, so that the durability suite can walk through all of them.
 */
export const FAILPOINTS = [
  /** A large body and its folder are synced; its row does not exist yet. */
  'store.body-file-synced',
  /** Worker: a batch is applied, not committed. */
  'store.before-commit',
  /** Worker: a batch is on disk, nobody was told. */
  'store.after-commit-before-ack',
  /** Emulator: the store knows that a submit is durable, its caller does not yet. */
  'store.submit-acknowledged',
  /** Worker: a batch with a result is applied, not committed. */
  'store.result-before-commit',
  /** Worker: a batch with a result is on disk, nobody was told. */
  'store.result-after-commit',
  /** Fleet: a request is accepted, nothing of it is stored. */
  'fleet.before-submit',
  /** Fleet: a runner was chosen, nothing was sent to it. */
  'fleet.before-dispatch',
  /** Fleet: the request is on its way to the runner. */
  'fleet.after-dispatch',
  /** Fleet: the runner's whole answer is here, nothing of it is stored. */
  'fleet.after-runner-answer',
  /** Fleet: a result is durable, those who wait for it were not told. */
  'fleet.result-acknowledged',
  /** Fleet: a cancellation is durable, its caller does not know. */
  'fleet.cancel-acknowledged',
] as const;

export type FailpointName = (typeof FAILPOINTS)[number];

/** What happens at the `hit`-th passage (1 = the first) of a failpoint. Plain data: it crosses to worker threads. */
export interface FailpointRule {
  name: FailpointName;
  hit: number;
  action: 'kill' | 'throw';
}

export interface Failpoints {
  /** Called where the name says. Throws or never returns when a rule matches. */
  hit(name: FailpointName): void;
  /** Rules to arm in another thread; null = none are armed anywhere. */
  readonly rules: readonly FailpointRule[] | null;
}

/** What production uses: nothing ever happens. */
export const noFailpoints: Failpoints = { hit: () => undefined, rules: null };

/**
 * Failpoints that act by `rules`; passages are counted for each thread by itself. `kill` ends the process. For
 * tests.
 */
export function armFailpoints(rules: readonly FailpointRule[], kill: () => void = () => undefined): Failpoints {
  const passages = new Map<FailpointName, number>();
  return {
    rules,
    hit(name) {
      const passage = (passages.get(name) ?? 0) + 1;
      passages.set(name, passage);
      for (const rule of rules) {
        if (rule.name !== name || rule.hit !== passage) continue;
        if (rule.action === 'kill') kill();
        throw new Error(`failpoint ${name}`);
      }
    },
  };
}
