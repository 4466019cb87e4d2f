import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../core/fake-clock.ts';
import { appEnv } from './app-env.ts';
import { SecretStore } from './secret-store.ts';

let folder: string;
let store: SecretStore;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wt-secrets-'));
  store = new SecretStore(join(folder, 'user', 'secrets.json'), new FakeClock(1000));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a set secret is there for the next reader, in a file of the user alone', () => {
  store.set('HF_TOKEN', 'hf_123');
  const other = new SecretStore(store.file, new FakeClock());
  expect(other.values()).toEqual({ HF_TOKEN: 'hf_123' });
  expect(other.list()).toEqual([{ name: 'HF_TOKEN', updatedAt: 1000, exposed: true }]);
  expect(statSync(store.file).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, 'user')).mode & 0o777).toBe(0o700);
});

test('unset removes, and says when there was nothing', () => {
  store.set('A', 'x');
  expect(store.unset('A')).toBe(true);
  expect(store.unset('A')).toBe(false);
  expect(store.values()).toEqual({});
});

test.each(['', '1A', 'A-B', 'A B', 'A=B', 'Ä'])('the name %j is refused', (name) => {
  expect(() => store.set(name, 'x')).toThrow(expect.objectContaining({ code: 'E_SECRET_NAME' }));
});

test('a lock that a dead process left does not block for good', () => {
  mkdirSync(join(folder, 'user'));
  writeFileSync(`${store.file}.lock`, '1');
  store.set('A', 'x');
  expect(store.values()).toEqual({ A: 'x' });
});

test('a damaged store is an error that names the file, and stays as it is', () => {
  mkdirSync(join(folder, 'user'));
  writeFileSync(store.file, '{"version": 1, "secr');
  expect(() => store.set('A', 'x')).toThrow(
    expect.objectContaining({ code: 'E_STATE_DAMAGED', message: expect.stringContaining(store.file) }),
  );
  expect(readFileSync(store.file, 'utf8')).toBe('{"version": 1, "secr');
});

test('precedence: a later .env file wins over an earlier one, the secret store over both', () => {
  const first = join(folder, '.env');
  const second = join(folder, '.env.local');
  writeFileSync(first, 'A=1\nB=1\nC=1\nexport D="with space"\n');
  writeFileSync(second, 'B=2\nC=2\n');
  const envFiles = [first, second, join(folder, 'missing')];
  expect(appEnv({ envFiles, secrets: { C: '3' }, allowed: null })).toEqual({
    env: { A: '1', B: '2', C: '3', D: 'with space' },
    missing: [],
  });
});

test('the allow-list of the app holds for .env and store, and missing names are told', () => {
  const file = join(folder, '.env');
  writeFileSync(file, 'A=1\nB=1\n');
  const answer = appEnv({ envFiles: [file], secrets: { C: '3', D: '4' }, allowed: ['A', 'C', 'E'] });
  expect(answer).toEqual({ env: { A: '1', C: '3' }, missing: ['E'] });
  expect(appEnv({ envFiles: [file], secrets: { C: '3' }, allowed: [] }).env).toEqual({});
});

test('an environment file that is a folder is a typed error', () => {
  expect(() => appEnv({ envFiles: [folder], secrets: {}, allowed: null })).toThrow(
    expect.objectContaining({ code: 'E_FILE_UNREADABLE' }),
  );
});
