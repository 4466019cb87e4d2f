import { describe, expect, it } from 'vitest';
import { LIMITS } from '../contract/index.ts';
import { armFailpoints } from '../core/failpoints.ts';
import { FakeClock } from '../core/fake-clock.ts';
import { bytes, line, openForTest, stateDir } from './fixtures/harness.ts';
import { makeOutcome, makeRecord } from './fixtures/records.ts';
import type { RequestStore } from './store.ts';

const messages = async (store: RequestStore, id: string, from?: number) =>
  (await store.logs(id, from)).map((entry) => entry.message);

async function withRequest(dir: string, options: Parameters<typeof openForTest>[1] = {}) {
  const store = await openForTest(dir, options);
  const record = makeRecord({ id: 'a', seq: store.nextSeq() });
  await store.submit(record, bytes('{}'));
  return { store, record };
}

describe('request logs', () => {
  it('gives lines in order at every moment: waiting, on their way and on disk', async () => {
    const { store } = await withRequest(stateDir());
    const expected: string[] = [];
    for (let i = 0; i < 300; i++) {
      store.appendLogs('a', [line(`${i}a`), line(`${i}b`)]);
      expected.push(`${i}a`, `${i}b`);
      expect(store.logCount('a')).toBe(expected.length);
      if (i % 10 === 0) expect(await messages(store, 'a')).toEqual(expected);
    }
    await store.flush();
    expect(await messages(store, 'a')).toEqual(expected);
    for (const from of [0, 1, 2, 301, 599, 600, 900])
      expect(await messages(store, 'a', from)).toEqual(expected.slice(from));
  });

  it('keeps all fields of a line over a restart, and counts on from there', async () => {
    const dir = stateDir();
    const { store } = await withRequest(dir);
    const full = { ...line('é\u0000\n'), level: 'ERROR' as const, labels: { fal_job_id: 'x' } };
    store.appendLogs('a', [full]);
    await store.dispose();
    const again = await openForTest(dir);
    expect(again.logCount('a')).toBe(1);
    expect(await again.logs('a')).toEqual([full]);
    again.appendLogs('a', [line('second')]);
    expect(await messages(again, 'a')).toEqual(['é\u0000\n', 'second']);
    await again.flush();
    expect(await messages(again, 'a', 1)).toEqual(['second']);
  });

  it('stores what was logged before the end of a request together with it', async () => {
    const dir = stateDir();
    const failpoints = armFailpoints([{ name: 'store.result-after-commit', hit: 1, action: 'throw' }]);
    const { store, record } = await withRequest(dir, { failpoints });
    store.appendLogs('a', [line('last words')]);
    await expect(store.complete(record, makeOutcome(), 1, bytes('{}'))).rejects.toMatchObject({ code: 'E_STORE' });
    await expect(store.dispose()).rejects.toMatchObject({ code: 'E_STORE' });
    const again = await openForTest(dir);
    expect(again.get('a')?.state).toBe('COMPLETED');
    expect(await messages(again, 'a')).toEqual(['last words']);
  });

  it('cuts a log at its limit with one line that says how much is gone', async () => {
    const dir = stateDir();
    const clock = new FakeClock(Date.UTC(2026, 1, 3));
    const { store } = await withRequest(dir, { clock });
    const kilobyte = 'k'.repeat(1024);
    const fits = LIMITS.logBytesPerRequest / 1024;
    for (let i = 0; i < fits; i++) store.appendLogs('a', [line(kilobyte)]);
    expect(store.logCount('a')).toBe(fits);
    store.appendLogs('a', [line(kilobyte), line('short'), line('é')]);
    const notice = {
      timestamp: '2026-02-03T00:00:00.000Z',
      level: 'WARN',
      source: 'RUNNER',
      labels: {},
      message: 'Windtunnel dropped 3 more lines (1031 bytes): the log of one request is limited to 4194304 bytes.',
    };
    expect(store.logCount('a')).toBe(fits + 1);
    expect(await store.logs('a', fits)).toEqual([notice]);
    await store.dispose();
    const again = await openForTest(dir, { clock });
    expect(again.logCount('a')).toBe(fits + 1);
    expect(await again.logs('a', fits)).toEqual([notice]);
    expect((await again.logs('a')).length).toBe(fits + 1);
  });

  it('keeps lines whose write failed, and writes them with the next', async () => {
    const dir = stateDir();
    const lines: string[] = [];
    const failpoints = armFailpoints([{ name: 'store.before-commit', hit: 2, action: 'throw' }]);
    const { store } = await withRequest(dir, { failpoints, lines });
    store.appendLogs('a', [line('first')]);
    await expect(store.flush()).rejects.toMatchObject({ code: 'E_STORE' });
    expect(lines).toEqual(['error log lines could not be written and are kept in memory']);
    expect(await messages(store, 'a')).toEqual(['first']);
    store.appendLogs('a', [line('second')]);
    await store.dispose();
    expect(await messages(await openForTest(dir), 'a')).toEqual(['first', 'second']);
  });

  it('knows no log of an unknown request', async () => {
    const { store } = await withRequest(stateDir());
    store.appendLogs('nobody', [line('lost')]);
    expect(store.logCount('nobody')).toBe(0);
    expect(await store.logs('nobody')).toEqual([]);
  });
});
