import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { LIMITS } from '../contract/index.ts';
import { bytes, openForTest, stateDir, textOf } from './fixtures/harness.ts';
import { makeRecord } from './fixtures/records.ts';
import { bodiesPath, databasePath } from './layout.ts';
import { SCHEMA_VERSION } from './schema.ts';

/** A closed state with `count` requests. */
async function filledState(count = 1, body = 'x'): Promise<string> {
  const dir = stateDir();
  const store = await openForTest(dir);
  const submits = Array.from({ length: count }, (_, i) =>
    store.submit(makeRecord({ id: `r${i}`, seq: store.nextSeq() }), bytes(body)),
  );
  await Promise.all(submits);
  await store.dispose();
  return dir;
}

function edit(dir: string, sql: string): void {
  const db = new DatabaseSync(databasePath(dir));
  db.exec(sql);
  db.close();
}

/** Opening fails with what the user is told, and leaves the file as it was. */
async function expectRefusal(dir: string, code: string, message: RegExp): Promise<void> {
  const before = readFileSync(databasePath(dir));
  const error = await openForTest(dir).then(
    () => 'it opened',
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ code, message: expect.stringMatching(message), kind: 'user' });
  expect(error).toMatchObject({ hint: expect.stringContaining('windtunnel clean --state') });
  expect(error).toMatchObject({ actions: ['windtunnel clean --state'] });
  expect(readFileSync(databasePath(dir)).equals(before)).toBe(true);
}

describe('a state that cannot be used', () => {
  it('is refused when a newer version wrote it', async () => {
    const dir = await filledState();
    edit(dir, `PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
    await expectRefusal(dir, 'E_STATE_NEWER', new RegExp(`version ${SCHEMA_VERSION + 1}.*up to ${SCHEMA_VERSION}`));
  });

  it('is refused when its header is garbage', async () => {
    const dir = await filledState();
    writeFileSync(databasePath(dir), 'this was a database once');
    await expectRefusal(dir, 'E_STATE_DAMAGED', /not a database/);
  });

  it('is refused when it was cut', async () => {
    const dir = await filledState(50, 'x'.repeat(3000));
    truncateSync(databasePath(dir), 64 * 1024);
    await expectRefusal(dir, 'E_STATE_DAMAGED', /damaged/);
  });

  it('is refused when pages in the middle are overwritten', async () => {
    const dir = await filledState(50, 'x'.repeat(3000));
    const content = readFileSync(databasePath(dir));
    content.fill(0xa5, 4096 * 3, 4096 * 12);
    writeFileSync(databasePath(dir), content);
    await expectRefusal(dir, 'E_STATE_DAMAGED', /damaged/);
  });

  it('is refused when pages are overwritten that nobody reads at start', async () => {
    const dir = await filledState(50, 'x'.repeat(3000));
    const content = readFileSync(databasePath(dir));
    content.fill(0xa5, content.length - 4096 * 4);
    writeFileSync(databasePath(dir), content);
    await expectRefusal(dir, 'E_STATE_DAMAGED', /damaged/);
  });

  it('is refused when a row cannot be read', async () => {
    const dir = await filledState();
    edit(dir, "UPDATE requests SET headers = '[['");
    await expectRefusal(dir, 'E_STATE_DAMAGED', /a row cannot be read/);
  });

  it('is refused when the file belongs to another program', async () => {
    const dir = stateDir();
    mkdirSync(dir, { recursive: true });
    edit(dir, 'CREATE TABLE bookmarks(url TEXT)');
    await expectRefusal(dir, 'E_STATE_DAMAGED', /another program/);
  });

  it('is refused when the database was emptied but its bodies are there', async () => {
    const dir = await filledState(1, 'x'.repeat(LIMITS.inlineBodyBytes + 1));
    truncateSync(databasePath(dir), 0);
    await expectRefusal(dir, 'E_STATE_DAMAGED', /missing or empty/);
    expect(readdirSync(bodiesPath(dir))).toHaveLength(1);
  });

  it('is refused while another store has it open, and not after', async () => {
    const dir = await filledState();
    const first = await openForTest(dir);
    const second = await openForTest(dir).catch((thrown: unknown) => thrown);
    expect(second).toMatchObject({ code: 'E_STATE_LOCKED', message: expect.stringContaining('another emulator') });
    await first.submit(makeRecord({ id: 'more', seq: first.nextSeq() }), bytes('x'));
    await first.dispose();
    const third = await openForTest(dir);
    expect([...third.records()].map((record) => record.id)).toEqual(['r0', 'more']);
  });
});

describe('a state that can be used', () => {
  it('opens without what a torn write left in its log', async () => {
    const dir = await filledState(3);
    const copy = stateDir();
    mkdirSync(bodiesPath(copy), { recursive: true });
    copyFileSync(databasePath(dir), databasePath(copy));
    writeFileSync(`${databasePath(copy)}-wal`, Buffer.alloc(5000, 7));
    expect([...(await openForTest(copy)).records()]).toHaveLength(3);
  });

  it('names a missing body file and serves the rest', async () => {
    const dir = await filledState(2, 'x'.repeat(LIMITS.inlineBodyBytes + 1));
    const [gone] = readdirSync(bodiesPath(dir)) as [string];
    rmSync(`${bodiesPath(dir)}/${gone}`);
    const lines: string[] = [];
    const store = await openForTest(dir, { lines });
    expect(lines).toEqual(['warn body files are missing']);
    const inputs = await Promise.allSettled([store.input('r0'), store.input('r1')]);
    const rejected = inputs.filter((input) => input.status === 'rejected');
    expect(rejected).toHaveLength(1);
    expect(rejected[0]?.reason).toMatchObject({ code: 'E_STATE_DAMAGED', message: expect.stringContaining(gone) });
    for (const input of inputs)
      if (input.status === 'fulfilled') expect(textOf(input.value)).toHaveLength(LIMITS.inlineBodyBytes + 1);
  });

  it('says which versions it went through', async () => {
    const dir = await filledState();
    const db = new DatabaseSync(databasePath(dir));
    expect(db.prepare('SELECT version FROM migrations').all()).toEqual(
      Array.from({ length: SCHEMA_VERSION }, (_, i) => ({ version: i + 1 })),
    );
    expect(db.prepare('PRAGMA user_version').get()).toEqual({ user_version: SCHEMA_VERSION });
    db.close();
  });
});
