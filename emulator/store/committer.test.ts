import type { DatabaseSync } from 'node:sqlite';
import { expect, it, onTestFinished } from 'vitest';
import { noFailpoints } from '../core/failpoints.ts';
import { Committer } from './committer.ts';
import { openDatabase } from './database.ts';
import { stateDir } from './fixtures/harness.ts';
import { makeRecord } from './fixtures/records.ts';
import type { Acks, BodyRow, LogChunk, NumberedOp } from './protocol.ts';
import { recordValues } from './records.ts';
import { Statements } from './statements.ts';
import { TextPool } from './text-pool.ts';

function makeCommitter(): { committer: Committer; db: DatabaseSync; answers: Acks[] } {
  const dir = stateDir();
  const db = openDatabase(dir, null);
  onTestFinished(() => db.close());
  const answers: Acks[] = [];
  const options = { db, statements: new Statements(db), dir, failpoints: noFailpoints, sabotage: null };
  return { committer: new Committer({ ...options, answer: (acks) => void answers.push(acks) }), db, answers };
}

const pool = new TextPool();
const inline = (size: number): BodyRow => ({ size, file: null, bytes: new Uint8Array(size) });
const submit = (n: number, size = 1): NumberedOp => ({
  n,
  kind: 'submit',
  row: recordValues(makeRecord({ id: `r${n}`, seq: n }), pool),
  body: inline(size),
});
const chunk = (seq: number, first: number): LogChunk => ({
  seq,
  first,
  count: 1,
  bytes: 1,
  lines: '[]',
  dropped: null,
});

it('commits at most 256 operations at once', () => {
  const { committer, answers } = makeCommitter();
  committer.push(Array.from({ length: 600 }, (_, i) => submit(i + 1)));
  committer.drain();
  expect(answers.map((acks) => acks.done.length)).toEqual([256, 256, 88]);
});

it('commits at most 4 MiB at once, but always something', () => {
  const { committer, answers } = makeCommitter();
  const mebibyte = 1024 * 1024;
  committer.push([1, 2, 3, 4, 5].map((n) => submit(n, mebibyte)).concat(submit(6, 5 * mebibyte), submit(7)));
  committer.drain();
  expect(answers.map((acks) => acks.done)).toEqual([[1, 2, 3], [4, 5], [6], [7]]);
});

it('undoes all of an operation whose last part fails, and nothing of its neighbours', () => {
  const { committer, db, answers } = makeCommitter();
  committer.push([
    submit(1),
    { n: 2, kind: 'logs', chunks: [chunk(1, 0), chunk(1, 1), chunk(1, 0)] },
    { n: 3, kind: 'logs', chunks: [chunk(1, 7)] },
  ]);
  committer.drain();
  expect(answers).toMatchObject([{ done: [1, 3], failed: [[2, { code: 'E_STORE' }]] }]);
  expect(db.prepare('SELECT first FROM logs').all()).toEqual([{ first: 7 }]);
});

it('answers reads behind the writes that came with them', () => {
  const { committer, answers } = makeCommitter();
  committer.push([
    { n: 1, kind: 'read-body', table: 'inputs', seq: 5 },
    { n: 2, kind: 'read-body', table: 'results', seq: 5 },
    submit(5, 3),
  ]);
  committer.drain();
  expect(answers).toEqual([
    {
      done: [5],
      failed: [],
      values: [
        [1, inline(3)],
        [2, null],
      ],
    },
  ]);
});
