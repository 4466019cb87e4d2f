import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { GpuCard, GpuDemand } from '../contract/index.ts';
import { type GpuPolicy, GpuSlots, gpuDemands, gpuFit } from './gpu-slots.ts';

const GB = 1e9;
const card = (id: string, gb: number | null): GpuCard => ({ id, name: `Card ${id}`, vramBytes: gb && gb * GB });
const demands = (machineTypes: string[], numGpus: number | null = null) => gpuDemands({ machineTypes, numGpus });
const H100 = demands(['GPU-H100']);

/** A book, asked by an engine that reaches these cards. */
const slotsOf = (cards: GpuCard[], policy?: GpuPolicy) => {
  const slots = new GpuSlots(policy);
  return {
    take: (runner: string, list: GpuDemand[]) => slots.take(runner, list, cards),
    check: (list: GpuDemand[]) => slots.check('local/big', list, cards),
    free: (runner: string) => slots.free(runner),
    holders: (id: string) => slots.holders(id),
  };
};

describe('GPUs of runners', () => {
  it('are each runner’s own, and free again after its end', () => {
    const slots = slotsOf([card('a', 80), card('b', 80)]);
    expect(slots.take('r1', H100)).toEqual({ kind: 'taken', machine: 'GPU-H100', gpus: ['a'] });
    expect(slots.take('r2', H100)).toMatchObject({ gpus: ['b'] });
    expect(slots.take('r3', H100)).toEqual({ kind: 'busy', holders: ['r1', 'r2'] });
    expect([slots.free('r1'), slots.free('r1')]).toEqual([true, false]);
    expect(slots.take('r3', H100)).toMatchObject({ gpus: ['a'] });
  });

  it('are as many as num_gpus, and none for a machine without', () => {
    const slots = slotsOf([card('a', 80), card('b', 80), card('c', 80)]);
    expect(slots.take('r1', demands(['GPU-H100'], 2))).toMatchObject({ gpus: ['a', 'b'] });
    expect(slots.take('r2', demands(['GPU-H100'], 2))).toEqual({ kind: 'busy', holders: ['r1'] });
    expect(slots.take('r3', demands(['L'], 2))).toEqual({ kind: 'taken', machine: 'L', gpus: [] });
  });

  it('are the smallest that do', () => {
    const slots = slotsOf([card('big', 141), card('small', 85)]);
    expect(slots.take('r1', H100)).toMatchObject({ gpus: ['small'] });
  });

  it('come by the first machine type of the list that can be had', () => {
    const slots = slotsOf([card('a', 48), card('b', 24)]);
    const list = demands(['GPU-H100', 'GPU-L40', 'GPU-RTX4090', 'M']);
    const machines = ['r1', 'r2', 'r3'].map((runner) => slots.take(runner, list));
    expect(machines).toMatchObject([{ machine: 'GPU-L40' }, { machine: 'GPU-RTX4090' }, { machine: 'M', gpus: [] }]);
  });

  it('a card of 79.6 GiB is one of 80 GB, one whose memory is unknown is large enough', () => {
    expect(slotsOf([card('a', 79)]).take('r', H100)).toMatchObject({ gpus: ['a'] });
    expect(slotsOf([card('a', null)]).take('r', H100)).toMatchObject({ gpus: ['a'] });
  });

  it('are shared where that is asked for, the emptiest first', () => {
    const slots = slotsOf([card('a', 80), card('b', 80)], { runnersPerGpu: 2, memory: 'required' });
    const given = ['r1', 'r2', 'r3', 'r4', 'r5'].map((runner) => slots.take(runner, H100));
    expect(given.map((one) => (one.kind === 'taken' ? one.gpus[0] : one.kind))).toEqual(['a', 'b', 'a', 'b', 'busy']);
  });
});

it('of one book: a card that two engines reach is given by one of them', () => {
  const slots = new GpuSlots();
  const [a, b, c] = [card('a', 80), card('b', 80), card('c', 80)];
  expect(slots.take('process', demands(['GPU-H100'], 2), [a, b])).toMatchObject({ gpus: ['a', 'b'] });
  expect(slots.take('docker', H100, [b, c])).toMatchObject({ gpus: ['c'] });
  expect(slots.take('docker 2', H100, [b, c])).toEqual({ kind: 'busy', holders: ['process', 'docker'] });
});

it('what is there is told beside what is asked for', () => {
  const [one] = demands(['GPU-H100']);
  const [two] = demands(['GPU-H100'], 2);
  expect(gpuFit(one!, [])).toBe('none');
  expect(gpuFit(two!, [card('a', 80)])).toBe('few');
  expect(gpuFit(one!, [card('a', 24)])).toBe('small');
  expect(gpuFit(two!, [card('a', 80), card('b', 24)])).toBe('small');
  expect(gpuFit(one!, [card('a', null)])).toBe('unknown');
  expect(gpuFit(one!, [card('a', null), card('b', 80)])).toBe('fits');
  expect(gpuFit(demands(['L'])[0]!, [])).toBe('fits');
});

describe('a demand that this machine can never meet', () => {
  const refused = (slots: ReturnType<typeof slotsOf>, list: GpuDemand[]) => () => slots.check(list);

  it('is an error that says what is asked for, what is there, and the way out', () => {
    const slots = slotsOf([card('a', 24)]);
    expect(refused(slots, H100)).toThrowError(
      expect.objectContaining({
        code: 'E_GPU_DEMAND',
        message: 'local/big asks for 1 × GPU-H100 (80 GB); this machine has Card a (24 GB).',
        hint: expect.stringContaining('"memory": "ignored"'),
      }),
    );
    expect(refused(slots, demands(['GPU-RTX4090'], 2))).toThrowError(
      expect.objectContaining({ hint: expect.stringContaining('num_gpus') }),
    );
  });

  it('is none where a later machine type fits, memory is ignored, or there is no GPU at all', () => {
    const small = [card('a', 24)];
    expect(refused(slotsOf(small), demands(['GPU-H100', 'GPU-RTX4090']))).not.toThrow();
    expect(refused(slotsOf(small, { runnersPerGpu: 1, memory: 'ignored' }), H100)).not.toThrow();
    const none = slotsOf([]);
    expect(refused(none, H100)).not.toThrow();
    expect(none.take('r1', H100)).toEqual({ kind: 'taken', machine: 'GPU-H100', gpus: [] });
  });
});

it('whatever comes and goes in two engines, no card has more runners than it may, and none is lost', () => {
  const act = fc.record({
    runner: fc.nat(12),
    count: fc.integer({ min: 1, max: 3 }),
    // The cards that its engine does not reach.
    beyond: fc.nat(1),
    gone: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 3 }), fc.array(act), (cards, share, acts) => {
      const all = Array.from({ length: cards }, (_, i) => card(`g${i}`, 80));
      const slots = new GpuSlots({ runnersPerGpu: share, memory: 'required' });
      const held = new Map<string, string[]>();
      for (const { runner: n, count, beyond, gone } of acts) {
        const runner = `r${n}`;
        const reached = all.slice(beyond);
        if (gone) expect(slots.free(runner)).toBe(held.delete(runner));
        else if (!held.has(runner) && count <= reached.length) {
          const answer = slots.take(runner, demands(['GPU-H100'], count), reached);
          const load = (id: string) => [...held.values()].filter((ids) => ids.includes(id)).length;
          const open = reached.filter(({ id }) => load(id) < share).map(({ id }) => id);
          expect(answer.kind).toBe(open.length >= count ? 'taken' : 'busy');
          if (answer.kind !== 'taken') continue;
          expect(new Set(answer.gpus).size).toBe(count);
          expect(open).toEqual(expect.arrayContaining(answer.gpus));
          held.set(runner, answer.gpus);
        }
        for (const { id } of all) {
          const runners = slots.holders(id);
          expect(runners.length).toBeLessThanOrEqual(share);
          expect(new Set(runners)).toEqual(new Set([...held].filter(([, ids]) => ids.includes(id)).map(([r]) => r)));
        }
      }
    }),
    { numRuns: 500 },
  );
});
