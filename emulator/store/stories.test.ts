import { expect, it } from 'vitest';
import type { EmulatorEvent } from '../contract/index.ts';
import { bytes, openForTest, stateDir } from './fixtures/harness.ts';
import { makeOutcome, makeRecord } from './fixtures/records.ts';

const cancelled = (at: number): EmulatorEvent => ({ at, type: 'request.cancel', app: 'local/a', request: 'a' });

it('keeps the story of a request over a restart, what came after its end too', async () => {
  const dir = stateDir();
  const store = await openForTest(dir);
  const record = makeRecord({ id: 'a', seq: store.nextSeq() });
  await store.submit(record, bytes('{}'));
  store.appendStory('a', cancelled(1));
  expect(await store.story('a'), 'seen before it is written').toEqual([cancelled(1)]);
  await store.update(record);
  store.appendStory('a', cancelled(2));
  await store.complete(record, makeOutcome(), 3_000, bytes('{}'));
  store.appendStory('a', cancelled(3));
  expect(await store.story('a')).toEqual([1, 2, 3].map(cancelled));
  await store.dispose();
  const again = await openForTest(dir);
  expect(await again.story('a')).toEqual([1, 2, 3].map(cancelled));
  expect(await again.story('nobody')).toEqual([]);
});

it('has a webhook due from the commit of its result until it is through, over restarts', async () => {
  const dir = stateDir();
  const store = await openForTest(dir);
  for (const [id, webhook] of [
    ['a', 'http://127.0.0.1/'],
    ['b', null],
    ['c', 'http://127.0.0.1/'],
  ] as const) {
    const record = makeRecord({ id, seq: store.nextSeq(), webhook });
    await store.submit(record, bytes('{}'));
    await store.complete(record, makeOutcome(), 3_000, bytes('{}'));
  }
  await store.delivered('a', 1, 9_000);
  await store.delivered('c', 1, null);
  const due = [{ request: 'a', tries: 1, nextAt: 9_000 }];
  expect(store.deliveries()).toEqual(due);
  await store.dispose();
  const again = await openForTest(dir);
  expect(again.deliveries()).toEqual(due);
});

it('forgets the input with the end of a request that is not to be stored', async () => {
  const store = await openForTest(stateDir());
  const record = makeRecord({ id: 'a', seq: store.nextSeq(), storeIo: false });
  await store.submit(record, bytes('{"secret":1}'));
  expect(await store.input('a')).toMatchObject({ kind: 'bytes' });
  await store.complete(record, makeOutcome(), 3_000, bytes('{}'));
  await expect(store.input('a')).rejects.toMatchObject({ code: 'E_STORE' });
  expect(await store.result('a'), 'the result is there for its caller').not.toBeNull();
});
