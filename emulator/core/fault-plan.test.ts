import { describe, expect, it } from 'vitest';
import { type FaultRule, ScenarioSchema } from '../contract/index.ts';
import { FaultPlan } from './fault-plan.ts';
import { FAULT_PRESETS } from './fault-presets.ts';

const FAIL = { kind: 'status', status: 503 } as const;
const plan = (rules: FaultRule[], seed?: number) => new FaultPlan({ rules, ...(seed === undefined ? {} : { seed }) });
/** Which of the first `n` attempts are struck, as `x` and `.`. */
const struck = (faults: FaultPlan, n: number) =>
  Array.from({ length: n }, () => (faults.forAttempt('/').length > 0 ? 'x' : '.')).join('');

describe('a rule strikes', () => {
  it.each([
    [{}, 'xxxxxxxx'],
    [{ count: 2 }, 'xx......'],
    [{ every: 3 }, '..x..x..'],
    [{ after: 3 }, '...xxxxx'],
    [{ count: 2, after: 3 }, '...xx...'],
    [{ every: 2, after: 1 }, '..x.x.x.'],
    [{ rate: 1 }, 'xxxxxxxx'],
  ])('%j: %s', (when, expected) => {
    expect(struck(plan([{ fault: FAIL, ...when }]), 8)).toBe(expected);
  });

  it('by its rate, the same for the same seed', () => {
    const run = (seed: number) => struck(plan([{ fault: FAIL, rate: 0.2 }], seed), 5000);
    const hits = [...run(1)].filter((mark) => mark === 'x').length;
    expect(hits).toBeGreaterThan(850);
    expect(hits).toBeLessThan(1150);
    expect(run(1)).toBe(run(1));
    expect(run(1)).not.toBe(run(2));
  });

  it('at its path alone, whatever the query', () => {
    const faults = plan([{ fault: FAIL, path: '/train', count: 1 }]);
    expect(faults.forAttempt('/')).toEqual([]);
    expect(faults.forAttempt('/train/more')).toEqual([]);
    expect(faults.forAttempt('/train?x=1')).toEqual([FAIL]);
    expect(faults.forAttempt('/train'), 'others did not count').toEqual([]);
  });
});

it('goes on after a delay, and no further than the first fault that decides', () => {
  const delay = { kind: 'delay', seconds: 2 } as const;
  const faults = plan([{ fault: delay }, { fault: FAIL }, { fault: { kind: 'drop' } }]);
  expect(faults.forAttempt('/')).toEqual([delay, FAIL]);
});

it('counts starts by themselves', () => {
  const faults = plan([
    { fault: { kind: 'slow-start', seconds: 5 }, count: 1 },
    { fault: FAIL, count: 1 },
  ]);
  expect(faults.forAttempt('/')).toEqual([FAIL]);
  expect([faults.forStart(), faults.forStart()]).toEqual([5, 0]);
});

it.each(Object.entries(FAULT_PRESETS))('the preset %s is a scenario', (_name, { scenario }) => {
  expect(ScenarioSchema.parse(scenario)).toEqual(scenario);
});

it.each([
  [{ rules: [] }, 'rules'],
  [{ rules: [{ fault: FAIL, rate: 0.5, count: 1 }] }, 'exclude each other'],
  [{ rules: [{ fault: FAIL, rate: 0 }] }, 'rate'],
  [{ rules: [{ fault: { kind: 'explode' } }] }, 'kind'],
  [{ rules: [{ fault: { kind: 'status', status: 99 } }] }, 'status'],
  [{ rules: [{ fault: FAIL, evry: 2 }] }, 'evry'],
])('refuses %j', (scenario, word) => {
  expect(JSON.stringify(ScenarioSchema.safeParse(scenario).error?.issues)).toContain(word);
});
