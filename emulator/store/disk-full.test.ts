import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { requires } from '../../test/support/skip.ts';
import { LIMITS } from '../contract/index.ts';
import { bytes, line, openForTest, stateDir, textOf } from './fixtures/harness.ts';
import { makeOutcome, makeRecord } from './fixtures/records.ts';
import { bodiesPath } from './layout.ts';

beforeEach(requires('linux', 'root'));

/** A small file system of its own, unmounted after the test. */
function smallDisk(): { dir: string; fill(): void; free(): void } {
  const mount = `${stateDir()}-disk`;
  mkdirSync(mount, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'windtunnel-test', mount]);
  onTestFinished(() => void execFileSync('umount', ['--lazy', mount]));
  const filler = join(mount, 'filler');
  return {
    dir: join(mount, 'state'),
    fill: () => {
      const fd = openSync(filler, 'a');
      try {
        for (;;) writeSync(fd, Buffer.alloc(4096));
      } catch (error) {
        expect(error).toMatchObject({ code: 'ENOSPC' });
      } finally {
        closeSync(fd);
      }
    },
    free: () => rmSync(filler),
  };
}

it('refuses what does not fit on a full disk, keeps what it has, and works again once there is room', async () => {
  const disk = smallDisk();
  const lines: string[] = [];
  const store = await openForTest(disk.dir, { cacheBytes: 0, lines });
  const kept = makeRecord({ id: 'kept', seq: store.nextSeq() });
  await store.submit(kept, bytes('kept'));
  disk.fill();

  // Some first ones may fit into a page that is there already.
  const refused: unknown[] = [];
  for (let i = 0; i < 30; i++) {
    const submitted = store.submit(makeRecord({ id: `s${i}`, seq: store.nextSeq() }), bytes('x'.repeat(20_000)));
    await submitted.catch((error: unknown) => refused.push(error));
  }
  expect(refused.length).toBeGreaterThanOrEqual(29);
  for (const error of refused) {
    expect(error).toMatchObject({
      code: 'E_DISK_FULL',
      kind: 'user',
      hint: expect.stringContaining('Free some space'),
    });
  }
  const big = store.submit(
    makeRecord({ id: 'big', seq: store.nextSeq() }),
    bytes('x'.repeat(LIMITS.inlineBodyBytes + 1)),
  );
  await expect(big).rejects.toMatchObject({ code: 'E_DISK_FULL' });
  expect(readdirSync(bodiesPath(disk.dir))).toEqual([]);
  const path = store.newBodyFile();
  writeFileSync(path, '');
  await expect(
    store.complete(kept, makeOutcome(), 1, { kind: 'bytes', bytes: new Uint8Array(500_000) }),
  ).rejects.toMatchObject({
    code: 'E_DISK_FULL',
  });
  expect(kept.state).toBe('IN_QUEUE');
  expect(textOf(await store.input('kept'))).toBe('kept');
  store.appendLogs('kept', [line('k'.repeat(10_000))]);
  await expect(store.flush()).rejects.toMatchObject({ code: 'E_DISK_FULL' });

  disk.free();
  await store.submit(makeRecord({ id: 'later', seq: store.nextSeq() }), bytes('x'.repeat(200_000)));
  await store.complete(kept, makeOutcome(), 2, bytes('done'));
  await store.dispose();
  const again = await openForTest(disk.dir);
  expect(again.get('kept')).toMatchObject({ state: 'COMPLETED', completedAt: 2 });
  expect(textOf(await again.result('kept'))).toBe('done');
  expect(again.logCount('kept')).toBe(1);
  expect(again.get('later')).toBeDefined();
  expect([...again.records()]).toHaveLength(2 + 30 - refused.length);
});

it('says that the disk is full when a new state cannot be made', async () => {
  const disk = smallDisk();
  mkdirSync(bodiesPath(disk.dir), { recursive: true });
  disk.fill();
  await expect(openForTest(disk.dir)).rejects.toMatchObject({ code: 'E_DISK_FULL' });
  disk.free();
  const store = await openForTest(disk.dir);
  await store.submit(makeRecord({ id: 'a', seq: store.nextSeq() }), bytes('a'));
});
