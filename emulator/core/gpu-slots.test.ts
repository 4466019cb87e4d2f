import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type GpuCard, GpuSlots, gpuDemands } from './gpu-slots.ts';

const GB = 1e9;
const card = (id: string, gb: number | null): GpuCard => ({ id, name: `Card ${id}`, vramBytes: gb && gb * GB });
const demands = (machineTypes: string[], numGpus: number | null = null) => gpuDemands({ machineTypes, numGpus });
const H100 = demands(['GPU-H100']);

describe('GPUs of runners', () => {
  it('are each runner’s own, and free again after its end', () => {
    const slots = new GpuSlots([card('a', 80), card('b', 80)]);
    expect(slots.take('r1', H100)).toEqual({ kind: 'taken', machine: 'GPU-H100', gpus: ['a'] });
    expect(slots.take('r2', H100)).toMatchObject({ gpus: ['b'] });
    expect(slots.take('r3', H100)).toEqual({ kind: 'busy', holders: ['r1', 'r2'] });
    expect([slots.free('r1'), slots.free('r1')]).toEqual([true, false]);
    expect(slots.take('r3', H100)).toMatchObject({ gpus: ['a'] });
  });

  it('are as many as num_gpus, and none for a machine without', () => {
    const slots = new GpuSlots([card('a', 80), card('b', 80), card('c', 80)]);
    expect(slots.take('r1', demands(['GPU-H100'], 2))).toMatchObject({ gpus: ['a', 'b'] });
    expect(slots.take('r2', demands(['GPU-H100'], 2))).toEqual({ kind: 'busy', holders: ['r1'] });
    expect(slots.take('r3', demands(['L'], 2))).toEqual({ kind: 'taken', machine: 'L', gpus: [] });
  });

  it('are the smallest that do', () => {
    const slots = new GpuSlots([card('big', 141), card('small', 85)]);
    expect(slots.take('r1', H100)).toMatchObject({ gpus: ['small'] });
  });

  it('come by the first machine type of the list that can be had', () => {
    const slots = new GpuSlots([card('a', 48), card('b', 24)]);
    const list = demands(['GPU-H100', 'GPU-L40', 'GPU-RTX4090', 'M']);
    const machines = ['r1', 'r2', 'r3'].map((runner) => slots.take(runner, list));
    expect(machines).toMatchObject([{ machine: 'GPU-L40' }, { machine: 'GPU-RTX4090' }, { machine: 'M', gpus: [] }]);
  });

  it('a card of 79.6 GiB is one of 80 GB, one whose memory is unknown is large enough', () => {
    expect(new GpuSlots([card('a', 79)]).take('r', H100)).toMatchObject({ gpus: ['a'] });
    expect(new GpuSlots([card('a', null)]).take('r', H100)).toMatchObject({ gpus: ['a'] });
  });

  it('are shared where that is asked for, the emptiest first', () => {
    const slots = new GpuSlots([card('a', 80), card('b', 80)], { runnersPerGpu: 2, memory: 'required' });
    const given = ['r1', 'r2', 'r3', 'r4', 'r5'].map((runner) => slots.take(runner, H100));
    expect(given.map((one) => (one.kind === 'taken' ? one.gpus[0] : one.kind))).toEqual(['a', 'b', 'a', 'b', 'busy']);
  });
});

describe('a demand that this machine can never meet', () => {
  const refused = (slots: GpuSlots, list: ReturnType<typeof demands>) => () => slots.check(list, 'local/big');

  it('is an error that says what is asked for, what is there, and the way out', () => {
    const slots = new GpuSlots([card('a', 24)]);
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
    expect(refused(new GpuSlots(small), demands(['GPU-H100', 'GPU-RTX4090']))).not.toThrow();
    expect(refused(new GpuSlots(small, { runnersPerGpu: 1, memory: 'ignored' }), H100)).not.toThrow();
    const none = new GpuSlots([]);
    expect(refused(none, H100)).not.toThrow();
    expect(none.take('r1', H100)).toEqual({ kind: 'taken', machine: 'GPU-H100', gpus: [] });
  });
});

it('whatever comes and goes, no card has more runners than it may, and none is lost', () => {
  const act = fc.record({ runner: fc.nat(12), count: fc.integer({ min: 1, max: 3 }), gone: fc.boolean() });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 3 }), fc.array(act), (cards, share, acts) => {
      const all = Array.from({ length: cards }, (_, i) => card(`g${i}`, 80));
      const slots = new GpuSlots(all, { runnersPerGpu: share, memory: 'required' });
      const held = new Map<string, string[]>();
      for (const { runner: n, count, gone } of acts) {
        const runner = `r${n}`;
        if (gone) expect(slots.free(runner)).toBe(held.delete(runner));
        else if (!held.has(runner) && count <= cards) {
          const answer = slots.take(runner, demands(['GPU-H100'], count));
          const load = (id: string) => [...held.values()].filter((ids) => ids.includes(id)).length;
          const open = all.filter(({ id }) => load(id) < share).length;
          expect(answer.kind).toBe(open >= count ? 'taken' : 'busy');
          if (answer.kind !== 'taken') continue;
          expect(new Set(answer.gpus).size).toBe(count);
          held.set(runner, answer.gpus);
        }
        for (const { card: one, runners } of slots.holders()) {
          expect(runners.length).toBeLessThanOrEqual(share);
          expect(new Set(runners)).toEqual(
            new Set([...held].filter(([, ids]) => ids.includes(one.id)).map(([r]) => r)),
          );
        }
      }
    }),
    { numRuns: 500 },
  );
});
