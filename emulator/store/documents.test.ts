import { describe, expect, it } from 'vitest';
import { armFailpoints } from '../core/failpoints.ts';
import { openForTest, stateDir } from './fixtures/harness.ts';

const put = (key: string, value: string | null) => ({ collection: 'aliases', key, value });

describe('documents', () => {
  it('are there again after a restart, each collection by itself', async () => {
    const dir = stateDir();
    const store = await openForTest(dir);
    await store.documents.write([put('a', '1'), put('b', '2'), { collection: 'other', key: 'a', value: 'é' }]);
    await store.documents.write([put('a', '3'), put('b', null)]);
    await store.dispose();
    const again = await openForTest(dir);
    expect([...again.documents.all('aliases')]).toEqual([['a', '3']]);
    expect([...again.documents.all('other')]).toEqual([['a', 'é']]);
    expect([...again.documents.all('none')]).toEqual([]);
  });

  it('change all together or not at all', async () => {
    const dir = stateDir();
    const failpoints = armFailpoints([{ name: 'store.before-commit', hit: 2, action: 'throw' }]);
    const store = await openForTest(dir, { failpoints });
    await store.documents.write([put('a', '1')]);
    await expect(store.documents.write([put('a', null), put('b', '2')])).rejects.toMatchObject({ code: 'E_STORE' });
    expect([...store.documents.all('aliases')]).toEqual([['a', '1']]);
    await store.dispose();
    expect([...(await openForTest(dir)).documents.all('aliases')]).toEqual([['a', '1']]);
  });
});
