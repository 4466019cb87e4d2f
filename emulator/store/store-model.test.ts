import fc from 'fast-check';
import { afterEach, expect, it } from 'vitest';
import { LIMITS, type LogLine, type RequestRecord } from '../contract/index.ts';
import { FakeClock } from '../core/fake-clock.ts';
import { silentLog } from '../core/log.ts';
import { bytes, line, stateDir, textOf } from './fixtures/harness.ts';
import { makeOutcome, makeRecord } from './fixtures/records.ts';
import { openStore } from './open-store.ts';
import type { RequestStore } from './store.ts';

// Random work against the store and against a plain model of it; after every reopening both must hold the same.

interface Model {
  records: Map<string, RequestRecord>;
  inputs: Map<string, string>;
  results: Map<string, string>;
  logs: Map<string, LogLine[]>;
}

const text = fc.oneof(
  { weight: 8, arbitrary: fc.string({ unit: 'binary', maxLength: 50 }) },
  { weight: 1, arbitrary: fc.constant('b'.repeat(LIMITS.inlineBodyBytes + 1)) },
);
const pick = fc.nat(1000);
const operation = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('submit' as const),
      body: text,
      hint: fc.option(text),
      low: fc.boolean(),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('update' as const),
      pick,
      attempt: fc.nat(10),
      runner: fc.option(fc.string()),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('complete' as const), pick, body: text, expiresAt: fc.nat(100) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('log' as const), pick, lines: fc.array(text, { maxLength: 5 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('expire' as const), now: fc.nat(100) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'flush' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'reopen' as const }) },
);

let open: RequestStore | null = null;
afterEach(async () => {
  await open?.dispose();
});

it('holds what a plain model holds, over any sequence of operations and restarts', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { maxLength: 60 }), fc.boolean(), async (operations, wait) => {
      const dir = stateDir();
      const reopen = async () => {
        await open?.dispose();
        // A clock that stands at 0: nothing expires but by `expire`. A tiny cache: most reads reach the disk.
        open = await openStore({ dir, clock: new FakeClock(0), log: silentLog, cacheBytes: 500 });
        return open;
      };
      open = null;
      let store = await reopen();
      const model: Model = { records: new Map(), inputs: new Map(), results: new Map(), logs: new Map() };
      let work: Promise<unknown>[] = [];
      const settle = async () => {
        await Promise.all(work);
        work = [];
      };
      for (const step of operations) {
        if (step.kind === 'reopen' || step.kind === 'expire') await settle();
        if (step.kind === 'reopen') {
          store = await reopen();
          await compare(store, model);
        } else if (step.kind === 'flush') work.push(store.flush());
        else if (step.kind === 'expire') expect(await store.expire(step.now)).toBe(expireModel(model, step.now));
        else if (step.kind === 'submit') {
          const seq = store.nextSeq();
          const id = `r${seq}`;
          const record = makeRecord({ id, seq, hint: step.hint, priority: step.low ? 'low' : 'normal' });
          model.records.set(id, structuredClone(record));
          model.inputs.set(id, step.body);
          model.logs.set(id, []);
          work.push(store.submit(record, bytes(step.body)));
          await settle();
        } else {
          const ids = [...model.records.keys()];
          const id = ids[step.pick % ids.length];
          const record = id === undefined ? undefined : store.get(id);
          if (id === undefined || !record) continue;
          const twin = model.records.get(id)!;
          if (step.kind === 'log') {
            store.appendLogs(id, step.lines.map(line));
            model.logs.get(id)?.push(...step.lines.map(line));
          } else if (step.kind === 'update') {
            for (const each of [record, twin]) Object.assign(each, { attempt: step.attempt, runnerId: step.runner });
            work.push(store.update(record));
          } else if (twin.outcome === null) {
            const outcome = makeOutcome({ expiresAt: step.expiresAt });
            Object.assign(twin, { outcome: structuredClone(outcome), state: 'COMPLETED', completedAt: 7 });
            model.results.set(id, step.body);
            work.push(store.complete(record, outcome, 7, bytes(step.body)));
          }
        }
        if (wait) await settle();
      }
      await settle();
      await compare(store, model);
      await compare(await reopen(), model);
    }),
    { numRuns: 25 },
  );
});

function expireModel(model: Model, now: number): number {
  const gone = [...model.records.values()].filter(
    (record) => record.outcome !== null && record.outcome.expiresAt < now,
  );
  for (const { id } of gone) for (const map of Object.values(model)) map.delete(id);
  return gone.length;
}

async function compare(store: RequestStore, model: Model): Promise<void> {
  expect([...store.records()]).toEqual([...model.records.values()]);
  for (const id of model.records.keys()) {
    expect(textOf(await store.input(id))).toBe(model.inputs.get(id));
    expect(textOf(await store.result(id))).toBe(model.results.get(id) ?? null);
    expect(await store.logs(id)).toEqual(model.logs.get(id));
    expect(store.logCount(id)).toBe(model.logs.get(id)?.length);
  }
}
