import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../contract/index.ts';
import { armFailpoints } from '../core/failpoints.ts';
import { FakeClock } from '../core/fake-clock.ts';
import { bytes, openForTest, stateDir, textOf } from './fixtures/harness.ts';
import { makeOutcome, makeRecord } from './fixtures/records.ts';
import { bodiesPath } from './layout.ts';

const BIG = 'x'.repeat(LIMITS.inlineBodyBytes + 1);

describe('requests', () => {
  it('shows a submitted request only once it is durable, and gives its input back', async () => {
    const store = await openForTest(stateDir());
    const record = makeRecord({ id: 'a', seq: store.nextSeq() });
    const submitted = store.submit(record, bytes('{"n":1}'));
    expect(store.get('a')).toBeUndefined();
    await submitted;
    expect(store.get('a')).toBe(record);
    expect(textOf(await store.input('a'))).toBe('{"n":1}');
  });

  it('restores every field of every record in submit order', async () => {
    const dir = stateDir();
    const store = await openForTest(dir);
    const odd = makeRecord({
      id: 'odd',
      seq: store.nextSeq(),
      app: 'me/é',
      path: '/stream?q=%20',
      priority: 'low',
      startDeadline: 5_000.5,
      hint: 'lora',
      noRetry: true,
      retryConfig: '{"retries":2}',
      webhook: 'https://example.com/hook',
      storeIo: false,
      headers: [],
    });
    const plain = makeRecord({ id: 'plain', seq: store.nextSeq() });
    await Promise.all([store.submit(odd, bytes('')), store.submit(plain, bytes('{}'))]);
    odd.state = 'IN_PROGRESS';
    odd.attempt = 2;
    odd.gatewayRequestId = 'odd-2';
    odd.retriesSpent = { server_error: 1 };
    odd.cancelRequested = true;
    odd.startedAt = 2_000;
    odd.runnerId = 'r1';
    await store.update(odd);
    await store.complete(
      plain,
      makeOutcome({ status: 500, error: 'boom', errorType: 'internal_error' }),
      3_000,
      bytes('{}'),
    );
    await store.dispose();

    const again = await openForTest(dir);
    expect([...again.records()]).toEqual([odd, plain]);
    expect(again.get('plain')?.outcome?.error).toBe('boom');
    expect(textOf(await again.input('odd'))).toBe('');
  });

  it('lists records by submit number also when a slow body lets a later one pass', async () => {
    const store = await openForTest(stateDir());
    const slow = makeRecord({ id: 'slow', seq: store.nextSeq() });
    const fast = makeRecord({ id: 'fast', seq: store.nextSeq() });
    const slowDone = store.submit(slow, bytes(BIG));
    await store.submit(fast, bytes('{}'));
    await slowDone;
    expect([...store.records()].map((record) => record.id)).toEqual(['slow', 'fast']);
  });

  it('never gives a submit number twice, not even after the newest request is forgotten', async () => {
    const dir = stateDir();
    const store = await openForTest(dir);
    store.nextSeq();
    const record = makeRecord({ id: 'a', seq: store.nextSeq() });
    await store.submit(record, bytes('{}'));
    await store.complete(record, makeOutcome({ expiresAt: 10 }), 5, bytes('{}'));
    expect(await store.expire(11)).toBe(1);
    await store.dispose();
    expect((await openForTest(dir)).nextSeq()).toBe(record.seq + 1);
  });

  it('refuses a second request of the same id, also while the first is under way', async () => {
    const store = await openForTest(stateDir());
    const first = store.submit(makeRecord({ id: 'a', seq: store.nextSeq() }), bytes('1'));
    const twin = () => store.submit(makeRecord({ id: 'a', seq: store.nextSeq() }), bytes('2'));
    await expect(twin()).rejects.toMatchObject({ code: 'E_STORE' });
    await first;
    await expect(twin()).rejects.toMatchObject({ code: 'E_STORE' });
    expect(textOf(await store.input('a'))).toBe('1');
  });

  it('lets one failing operation fail alone in its batch', async () => {
    const store = await openForTest(stateDir());
    const seq = store.nextSeq();
    const results = await Promise.allSettled([
      store.submit(makeRecord({ id: 'a', seq }), bytes('a')),
      store.submit(makeRecord({ id: 'same-number', seq }), bytes('b')),
      store.submit(makeRecord({ id: 'c', seq: store.nextSeq() }), bytes('c')),
    ]);
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect([...store.records()].map((record) => record.id)).toEqual(['a', 'c']);
  });
});

describe('completion', () => {
  it('changes the record only after the commit, then serves the result', async () => {
    const store = await openForTest(stateDir());
    const record = makeRecord({ id: 'a', seq: store.nextSeq() });
    await store.submit(record, bytes('{}'));
    expect(await store.result('a')).toBeNull();
    const completed = store.complete(record, makeOutcome(), 2_000, bytes('{"ok":true}'));
    expect(record).toMatchObject({ state: 'IN_QUEUE', outcome: null, completedAt: null });
    await completed;
    expect(record).toMatchObject({ state: 'COMPLETED', completedAt: 2_000, outcome: { status: 200 } });
    expect(textOf(await store.result('a'))).toBe('{"ok":true}');
  });

  it('refuses a second completion and keeps the first against a late update', async () => {
    const dir = stateDir();
    const store = await openForTest(dir);
    const record = makeRecord({ id: 'a', seq: store.nextSeq() });
    await store.submit(record, bytes('{}'));
    const first = store.complete(record, makeOutcome(), 2_000, bytes('1'));
    await expect(store.complete(record, makeOutcome(), 2_001, bytes('2'))).rejects.toMatchObject({ code: 'E_STORE' });
    record.cancelRequested = true;
    await Promise.all([first, store.update(record)]);
    await store.dispose();
    const again = await openForTest(dir);
    expect(again.get('a')).toMatchObject({ state: 'COMPLETED', completedAt: 2_000, cancelRequested: true });
    expect(textOf(await again.result('a'))).toBe('1');
  });

  it('forgets what expired: record, bodies, files and log; the rest stays', async () => {
    const dir = stateDir();
    const clock = new FakeClock(100);
    const store = await openForTest(dir, { clock });
    const [old, young, queued] = ['old', 'young', 'queued'].map((id) => makeRecord({ id, seq: store.nextSeq() })) as [
      ReturnType<typeof makeRecord>,
      ReturnType<typeof makeRecord>,
      ReturnType<typeof makeRecord>,
    ];
    for (const record of [old, young, queued]) await store.submit(record, bytes(BIG));
    await store.complete(old, makeOutcome({ expiresAt: 150 }), 100, bytes(BIG));
    await store.complete(young, makeOutcome({ expiresAt: 250 }), 100, bytes(BIG));
    expect(await store.expire(150)).toBe(0);
    expect(readdirSync(bodiesPath(dir))).toHaveLength(5);
    clock.advance(51);
    expect(await store.result('old')).toBeNull();
    expect(await store.expire(clock.now())).toBe(1);
    expect(store.get('old')).toBeUndefined();
    expect(readdirSync(bodiesPath(dir))).toHaveLength(3);
    expect(textOf(await store.result('young'))).toBe(BIG);
    await store.dispose();
    const again = await openForTest(dir, { clock });
    expect([...again.records()].map((record) => record.id)).toEqual(['young', 'queued']);
    expect(await again.expire(251)).toBe(1);
  });
});

describe('bodies', () => {
  it('keeps large bodies in files, given as bytes or as a file of its own', async () => {
    const dir = stateDir();
    const store = await openForTest(dir);
    const path = store.newBodyFile();
    writeFileSync(path, BIG);
    await store.submit(makeRecord({ id: 'bytes', seq: store.nextSeq() }), bytes(BIG));
    await store.submit(makeRecord({ id: 'file', seq: store.nextSeq() }), { kind: 'file', path, size: BIG.length });
    await store.dispose();
    const again = await openForTest(dir);
    for (const id of ['bytes', 'file']) {
      const body = await again.input(id);
      expect(body).toMatchObject({ kind: 'file', size: BIG.length });
      expect(textOf(body)).toBe(BIG);
    }
  });

  it('reads a small body back when memory no longer holds it', async () => {
    const store = await openForTest(stateDir(), { cacheBytes: 0 });
    await store.submit(makeRecord({ id: 'a', seq: store.nextSeq() }), bytes('small'));
    expect(textOf(await store.input('a'))).toBe('small');
  });

  it('keeps its own copy: the caller may reuse the buffer', async () => {
    const store = await openForTest(stateDir());
    const buffer = Buffer.from('before');
    const submitted = store.submit(makeRecord({ id: 'a', seq: store.nextSeq() }), { kind: 'bytes', bytes: buffer });
    buffer.write('after!');
    await submitted;
    expect(textOf(await store.input('a'))).toBe('before');
  });

  it('refuses a file with another size than announced, and removes it', async () => {
    const store = await openForTest(stateDir());
    const path = store.newBodyFile();
    writeFileSync(path, 'short');
    const submitted = store.submit(makeRecord({ id: 'a', seq: store.nextSeq() }), { kind: 'file', path, size: 6 });
    await expect(submitted).rejects.toMatchObject({ code: 'E_STORE', message: expect.stringContaining('5 bytes') });
    expect(existsSync(path)).toBe(false);
    expect(store.get('a')).toBeUndefined();
  });

  it('sweeps files without a request when it opens', async () => {
    const dir = stateDir();
    const store = await openForTest(dir);
    await store.submit(makeRecord({ id: 'a', seq: store.nextSeq() }), bytes(BIG));
    writeFileSync(store.newBodyFile(), 'nobody owns this');
    await store.dispose();
    expect(readdirSync(bodiesPath(dir))).toHaveLength(2);
    const again = await openForTest(dir);
    expect(readdirSync(bodiesPath(dir))).toHaveLength(1);
    expect(textOf(await again.input('a'))).toBe(BIG);
  });
});

describe('failures', () => {
  it('rejects the whole batch when its commit fails, and goes on after it', async () => {
    const dir = stateDir();
    const failpoints = armFailpoints([{ name: 'store.before-commit', hit: 1, action: 'throw' }]);
    const store = await openForTest(dir, { failpoints });
    const results = await Promise.allSettled(
      ['a', 'b']
        .map((id) => store.submit(makeRecord({ id, seq: store.nextSeq() }), bytes(BIG)))
        .concat(store.submit(makeRecord({ id: 'c', seq: store.nextSeq() }), bytes('c'))),
    );
    expect(results.filter((result) => result.status === 'rejected').length).toBeGreaterThanOrEqual(1);
    for (const result of results) if (result.status === 'rejected') expect(result.reason.code).toBe('E_STORE');
    await store.submit(makeRecord({ id: 'd', seq: store.nextSeq() }), bytes('d'));
    await store.dispose();
    const again = await openForTest(dir);
    const accepted = results.flatMap((result, i) => (result.status === 'fulfilled' ? ['abc'[i]] : []));
    expect([...again.records()].map((record) => record.id)).toEqual([...accepted, 'd']);
    expect(readdirSync(bodiesPath(dir))).toHaveLength(accepted.filter((id) => id !== 'c').length);
  });

  it('says so when nobody waits for a change of state that fails', async () => {
    const lines: string[] = [];
    const store = await openForTest(stateDir(), { lines });
    void store.update(makeRecord({ id: 'never-submitted', seq: 99 }));
    await store.flush();
    expect(lines).toEqual(['error a change of state was not stored']);
  });

  it('refuses work after dispose', async () => {
    const store = await openForTest(stateDir());
    await store.dispose();
    const late = store.submit(makeRecord({ id: 'a', seq: 1 }), bytes('a'));
    await expect(late).rejects.toMatchObject({ code: 'E_STORE', message: expect.stringContaining('closed') });
  });

  it('takes the writer thread down with an error for everybody, not with a hang', async () => {
    const failpoints = armFailpoints([{ name: 'store.after-commit-before-ack', hit: 1, action: 'throw' }]);
    const store = await openForTest(stateDir(), { failpoints });
    const submitted = store.submit(makeRecord({ id: 'a', seq: 1 }), bytes('a'));
    await expect(submitted).rejects.toMatchObject({ code: 'E_STORE' });
    await expect(store.input('a')).rejects.toMatchObject({ code: 'E_STORE' });
  });

  it('names a worker file that is not there', async () => {
    const workerUrl = new URL(`file://${join(stateDir(), 'no-worker.js')}`);
    await expect(openForTest(stateDir(), { workerUrl })).rejects.toMatchObject({ code: 'E_STORE' });
  });
});
