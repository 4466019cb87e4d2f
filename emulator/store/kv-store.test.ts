import { DatabaseSync } from 'node:sqlite';
import { expect, it, onTestFinished } from 'vitest';
import { FakeClock } from '../core/fake-clock.ts';
import { createLog } from '../core/log.ts';
import { stateDir } from './fixtures/harness.ts';
import { databasePath } from './layout.ts';
import { openStore } from './open-store.ts';

async function open(dir: string, clock: FakeClock) {
  const store = await openStore({ dir, clock, log: createLog(() => undefined) });
  onTestFinished(() => store.dispose());
  return store;
}

it('keeps values over a restart, the last one written of each key', async () => {
  const dir = stateDir();
  const clock = new FakeClock();
  const first = await open(dir, clock);
  await first.kv.set('db', 'a', 'old', 60);
  await first.kv.set('db', 'a', 'new', 60);
  await first.kv.set('other', 'a', '', 60);
  await first.kv.set('db', 'gone', 'x', 60);
  await first.kv.delete('db', 'gone');
  await first.dispose();
  const { kv } = await open(dir, clock);
  expect(await kv.get('db', 'a')).toBe('new');
  expect(await kv.get('other', 'a')).toBe('');
  expect(await kv.get('db', 'gone')).toBeNull();
});

it('gives no value after its end, and removes it from the disk', async () => {
  const dir = stateDir();
  const clock = new FakeClock();
  const store = await open(dir, clock);
  await store.kv.set('db', 'a', 'x', 60);
  await store.kv.set('db', 'b', 'x', 61);
  clock.advance(60_000);
  expect(await store.kv.get('db', 'a')).toBeNull();
  expect(await store.kv.get('db', 'b')).toBe('x');
  await store.expire(clock.now());
  await store.dispose();
  const db = new DatabaseSync(databasePath(dir));
  expect(db.prepare('SELECT key FROM kv').all()).toEqual([{ key: 'b' }]);
  db.close();
});
