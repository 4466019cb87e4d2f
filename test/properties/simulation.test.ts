import { expect, test } from 'vitest';
import { describeSimulation, simulate } from '../perf/simulation.ts';

// The whole of it, a million requests on a thousand runners, is `npm run simulate` and a part of the bench.
test('20,000 requests of a bursty trace on 50 runners: each ends once, and none of the runners is one too many', () => {
  const plan = { runners: 50, requests: 20_000, seed: 7 };
  const report = simulate(plan);
  console.log(describeSimulation(plan, report));
  expect(report.completed).toBe(20_000);
  expect(report.failed).toBe(0);
  expect(report.mostRunners).toBeLessThanOrEqual(50);
  expect(report.attempts).toBeGreaterThan(20_000);
  expect(report.wait.p99, 'a burst is more than they can serve').toBeGreaterThan(10);
  expect(simulate(plan), 'the same seed, the same report').toEqual(report);
});
