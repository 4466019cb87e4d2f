import fc from 'fast-check';
import { expect, it } from 'vitest';
import { GpuLedger } from './gpu-ledger.ts';

const never = new AbortController().signal;

it('two runners never share a device, and whoever waits gets its turn', async () => {
  const ledger = new GpuLedger();
  ledger.know(['a', 'b']);
  const first = await ledger.take('one', 1, never);
  const second = await ledger.take('two', 1, never);
  expect([...first, ...second].sort()).toEqual(['a', 'b']);
  const third = ledger.take('three', 2, never);
  const fourth = ledger.take('four', 1, never);
  ledger.give('one');
  expect(ledger.free()).toEqual(first);
  ledger.give('two');
  expect((await third).sort()).toEqual(['a', 'b']);
  ledger.give('three');
  expect(await fourth).toHaveLength(1);
});

it('one that leaves lets the next one pass', async () => {
  const ledger = new GpuLedger();
  ledger.know(['a', 'b']);
  await ledger.take('one', 1, never);
  const leaving = new AbortController();
  const wants = ledger.take('two', 2, leaving.signal);
  const next = ledger.take('three', 1, never);
  leaving.abort(new Error('left'));
  await expect(wants).rejects.toThrow('left');
  expect(await next).toEqual(['b']);
});

it('more than there are is refused at once', () => {
  const ledger = new GpuLedger();
  ledger.know(['a']);
  expect(() => ledger.take('one', 2, never)).toThrow(expect.objectContaining({ code: 'E_DOCKER_GPU' }));
});

it('no device has two holders, whatever comes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(fc.boolean(), fc.nat(5), fc.integer({ min: 1, max: 3 }))), async (steps) => {
      const ledger = new GpuLedger();
      ledger.know(['a', 'b', 'c']);
      const held = new Map<number, string[]>();
      for (const [takes, runner, count] of steps) {
        if (takes && !held.has(runner) && ledger.free().length >= count) {
          held.set(runner, []);
          ledger.take(String(runner), count, never).then((ids) => held.set(runner, ids));
        } else if (!takes) {
          ledger.give(String(runner));
          held.delete(runner);
        }
        await Promise.resolve();
        const all = [...held.values()].flat();
        expect(new Set(all).size).toBe(all.length);
      }
    }),
  );
});
