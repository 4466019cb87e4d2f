import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { execEnvChanges, originalEnv } from './exec-env.ts';
import { keepRecord, readKept } from './shell-records.ts';

const DAY = 24 * 3600 * 1000;
const options = { port: 8799, key: 'k', falKey: 'local:k', bundles: {}, preloadPath: '/preload.cjs' };
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wt-shells-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const now = Date.now();
const keep = (record: string, before?: string, at = now) => keepRecord(join(folder, 'shells'), record, before, at);
const files = () => readdirSync(join(folder, 'shells'));

test('a record is the user’s alone and is found by its reference', () => {
  const reference = keep('{"FAL_KEY":"real"}');
  expect(reference).not.toContain('real');
  expect(readKept(reference)).toBe('{"FAL_KEY":"real"}');
  expect(statSync(join(folder, 'shells')).mode & 0o777).toBe(0o700);
  expect(statSync(join(folder, 'shells', files()[0] ?? '')).mode & 0o777).toBe(0o600);
});

test('a shell that asks again keeps its file; another one’s is its own', () => {
  const first = keep('{}');
  expect(keep('{}', first)).toBe(first);
  expect(keep('{"A":"b"}', first)).not.toBe(first);
  expect(files()).toHaveLength(2);
});

test('after a month a file is removed, and the shell that still names it is told what to do', () => {
  const env = { FAL_KEY: 'real:key' };
  const changes = execEnvChanges(env, options, keep);
  const { WINDTUNNEL_ORIGINAL_ENV: reference = '' } = changes as Record<string, string>;
  const shell = { ...env, WINDTUNNEL_ORIGINAL_ENV: reference };
  expect(originalEnv(shell)).toEqual(env);
  keep('{}', undefined, now + 29 * DAY);
  expect(originalEnv(shell)).toEqual(env);
  keep('{}', reference, now + 31 * DAY);
  expect(() => originalEnv(shell)).toThrow(
    expect.objectContaining({ code: 'E_USAGE', message: expect.stringContaining('cannot be read any more') }),
  );
});
