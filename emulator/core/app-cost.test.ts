import { expect, it } from 'vitest';
import { AppSettingsSchema } from '../contract/index.ts';
import { createAppState, queuePosition } from './app-state.ts';
import { step } from './app-step.ts';
import { effectiveSettings } from './effective-settings.ts';

/** An app with one busy runner and this many waiting requests. */
function waiting(count: number) {
  let ids = 0;
  const state = createAppState('local/cost', () => `r${++ids}`);
  const settings = { ...effectiveSettings(AppSettingsSchema.parse({})), maxConcurrency: 1 };
  step(state, { type: 'configure', revision: { id: 'v1', settings, exclusive: false, port: null, image: false } }, 0);
  const arrive = () => {
    const id = `00000000-0000-4000-8000-${String(++ids).padStart(12, '0')}`;
    // Every other one has a deadline: it is not packed.
    const startDeadline = ids % 2 === 0 ? null : 10 ** 9 + ids;
    const rest = { hint: null, noRetry: false, retryConfig: null, startDeadline, attempt: 0, spent: {} };
    step(state, { type: 'arrive', request: { id, kind: 'queued', priority: 'normal', ...rest } }, 0);
    return id;
  };
  let running = arrive();
  step(state, { type: 'runnerReady', runner: 'r1' }, 0);
  const ready = [...state.runners.keys()][0]!;
  step(state, { type: 'runnerReady', runner: ready }, 0);
  for (let i = 0; i < count; i++) arrive();
  /** One request comes, is looked at, one ends and the next starts: nanoseconds each, the median of many. */
  return () => {
    const samples: number[] = [];
    for (let i = 0; i < 3000; i++) {
      const from = process.hrtime.bigint();
      const id = arrive();
      queuePosition(state, id);
      const end = { kind: 'answer', status: 200, needsRetry: null, stopRunner: null } as const;
      const effects = step(state, { type: 'attemptEnded', id: running, attempt: 1, end, hints: null }, 0);
      samples.push(Number(process.hrtime.bigint() - from));
      running = effects.find((effect) => effect.type === 'dispatch')!.id;
    }
    return samples.sort((a, b) => a - b)[1500]!;
  };
}

it('costs as much with 100,000 waiting requests as with 10', () => {
  const few = waiting(10);
  const many = waiting(100_000);
  few();
  many();
  const ratios = [0, 1, 2].map(() => many() / few());
  // A scan of the queue would make it some thousand times as much; log n, caches and a busy machine make it little.
  expect(Math.min(...ratios)).toBeLessThan(5);
});
