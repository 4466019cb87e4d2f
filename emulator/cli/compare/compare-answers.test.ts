import { expect, test } from 'vitest';
import type { Answer } from './answer.ts';
import { compareAnswers } from './compare-answers.ts';

const answer = (body: unknown, more: Partial<Answer> = {}): Answer => ({
  app: 'a/b',
  host: 'h',
  refused: false,
  request: 'r',
  status: 200,
  body,
  logs: [],
  files: {},
  queued: 0,
  ran: 1,
  seconds: 1,
  ...more,
});

const exact = { ignore: [], tolerance: 0 };
const paths = (a: unknown, b: unknown, options: Parameters<typeof compareAnswers>[2] = exact): string[] =>
  compareAnswers(answer(a), answer(b), options).output.map(({ path }) => path);

test('output by value, with the path of what differs', () => {
  expect(paths({ a: [1, { b: 'x' }] }, { a: [1, { b: 'x' }] })).toEqual([]);
  expect(paths({ a: [1, { b: 'x' }] }, { a: [2, { b: 'y' }, 3] })).toEqual(['a[0]', 'a[1].b', 'a[2]']);
  expect(paths({ a: null }, {})).toEqual(['a']);
  expect(paths('x', { x: 1 })).toEqual(['']);
});

test('keys and paths are left out on demand, and numbers may be near each other', () => {
  const [a, b] = [
    { seed: 1, deep: { seed: 2, x: 1 } },
    { seed: 3, deep: { seed: 4, x: 1.0000001 } },
  ];
  expect(paths(a, b, { ignore: ['seed'], tolerance: 1e-6 })).toEqual([]);
  expect(paths(a, b, { ignore: ['deep.seed'], tolerance: 1e-9 })).toEqual(['seed', 'deep.x']);
});

test('files by what they hold, whatever their URLs and stored names are', () => {
  const here = { url: 'http://127.0.0.1/files/1', file_name: '1.png' };
  const there = { url: 'https://v3.fal.media/files/2', file_name: '2.png' };
  const files = (local: string, remote: string) =>
    compareAnswers(
      answer(here, { files: { [here.url]: { sha256: local, bytes: 1 } } }),
      answer(there, { files: { [there.url]: { sha256: remote, bytes: 2 } } }),
      exact,
    );
  expect(files('a', 'a').equal).toBe(true);
  expect(files('a', 'b').output).toEqual([
    { path: 'url', local: 'a file of 1 bytes, sha256 a', remote: 'a file of 2 bytes, sha256 b' },
  ]);
});

test('a status that differs is a difference of the output; lines that differ are told and fail nothing', () => {
  const left = answer({}, { logs: ['a', 'b'] });
  expect(compareAnswers(left, answer({}, { status: 500 }), exact)).toMatchObject({ equal: false });
  expect(compareAnswers(left, answer({}, { logs: ['a', 'c', 'd'] }), exact)).toEqual({
    equal: true,
    output: [],
    logs: { local: ['b'], remote: ['c', 'd'] },
  });
});
