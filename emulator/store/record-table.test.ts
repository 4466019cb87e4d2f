import { randomUUID } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RequestRecord } from '../contract/index.ts';
import { hash } from '../core/packed-ids.ts';
import { makeRecord } from './fixtures/records.ts';
import { PackedRecords } from './packed-records.ts';
import { RecordTable } from './record-table.ts';

const waiting = (seq: number, change: Partial<RequestRecord> = {}): RequestRecord => {
  const id = randomUUID();
  return { ...makeRecord({ id, seq }), gatewayRequestId: id, ...change };
};

describe('PackedRecords', () => {
  test('gives back what it took in, however much comes and goes', () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant('add'),
        deadline: fc.option(fc.double({ noNaN: true })),
        hint: fc.option(fc.string()),
      }),
      fc.record({ kind: fc.constant('take'), which: fc.nat() }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const packed = new PackedRecords();
        const model = new Map<string, RequestRecord>();
        for (const one of steps) {
          if ('which' in one) {
            const id = [...model.keys()][one.which % Math.max(model.size, 1)];
            if (id === undefined) continue;
            expect(packed.take(id)).toEqual(model.get(id));
            model.delete(id);
            expect(packed.has(id)).toBe(false);
          } else {
            const record = waiting(model.size, { startDeadline: one.deadline, hint: one.hint });
            expect(packed.add(record)).toBe(true);
            model.set(record.id, record);
          }
          expect(packed.size).toBe(model.size);
        }
        const bySeq = (a: RequestRecord, b: RequestRecord) => (a.id < b.id ? -1 : 1);
        expect([...packed.values()].sort(bySeq)).toEqual([...model.values()].sort(bySeq));
      }),
      { numRuns: 50 },
    );
  });

  test('keeps tens of thousands apart, also after most of them went', () => {
    const packed = new PackedRecords();
    const records = Array.from({ length: 20_000 }, (_, seq) => waiting(seq));
    for (const record of records) packed.add(record);
    expect(records.slice(0, 19_000).filter((record) => packed.take(record.id)?.seq !== record.seq)).toEqual([]);
    for (let seq = 20_000; seq < 40_000; seq++) packed.add(waiting(seq));
    for (const record of records.slice(19_000)) expect(packed.take(record.id)).toEqual(record);
    expect(packed.size).toBe(20_000);
    expect(packed.take(randomUUID())).toBeUndefined();
  });

  test.each([
    ['an id that is no UUID', { id: 'r1', gatewayRequestId: 'r1' }],
    ['one that runs', { state: 'IN_PROGRESS' as const }],
    ['one that ran', { attempt: 1 }],
    ['one whose cancellation is asked for', { cancelRequested: true }],
    ['one that was retried', { retriesSpent: { timeout: 1 } }],
    ['an id in capitals, which would come back in small letters', { id: 'A0000000-0000-4000-8000-000000000000' }],
  ])('refuses %s', (_, change) => {
    expect(new PackedRecords().add(waiting(1, change))).toBe(false);
  });

  test('refuses more kinds of requests than are worth a template', () => {
    const packed = new PackedRecords();
    for (let i = 0; i < 1000; i++) expect(packed.add(waiting(i, { hint: `h${i}` }))).toBe(true);
    expect(packed.add(waiting(1000, { hint: 'one more' }))).toBe(false);
    expect(packed.add(waiting(1001, { hint: 'h7' }))).toBe(true);
  });
});

describe('RecordTable', () => {
  test('what was handed out once is the same object ever after, whatever comes later', () => {
    const table = new RecordTable();
    const records = Array.from({ length: 3000 }, (_, seq) => waiting(seq));
    table.add(records[0]!);
    const held = table.get(records[0]!.id)!;
    held.state = 'IN_PROGRESS';
    for (const record of records.slice(1)) table.add(record);
    expect(table.get(held.id)).toBe(held);
    const later = table.get(records[1]!.id)!;
    expect(later).toEqual(records[1]);
    later.cancelRequested = true;
    for (let seq = 3000; seq < 6000; seq++) table.add(waiting(seq));
    expect(table.get(later.id)).toBe(later);
  });

  test('lists packed and unpacked ones in submit order, and forgets either', () => {
    const table = new RecordTable();
    const records = Array.from({ length: 2500 }, (_, seq) => waiting(seq));
    for (const record of records) table.add(record);
    table.get(records[3]!.id);
    expect(table.inOrder()).toEqual(records);
    for (const at of [3, 4, 2499]) table.delete(records[at]!.id);
    for (const at of [3, 4, 2499]) expect(table.has(records[at]!.id)).toBe(false);
    expect(table.inOrder()).toHaveLength(2497);
  });
});

test.each([0, 4, 8, 12])('ids that differ in their bytes from %i on only spread over the index', (at) => {
  const slots = new Set<number>();
  const id = Buffer.alloc(16);
  for (let n = 0; n < 4096; n++) {
    id.writeUInt32BE(n, at);
    slots.add(hash(id, 0) & 0xffff);
  }
  // 4096 of 65536 at random leave about 3970 places; the bytes themselves would leave as few as one.
  expect(slots.size).toBeGreaterThan(3500);
});
