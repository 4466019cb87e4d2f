import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../core/fake-clock.ts';
import { KeyRing } from './key-ring.ts';

let folder: string;
let file: string;
const clock = new FakeClock();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wt-keys-'));
  file = join(folder, 'keys.json');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('keys outlive a restart; the secret of an exec key is kept nowhere', () => {
  const first = KeyRing.open(file, clock, 'ada');
  const secret = first.issueExec('exec python', { HTTPS_PROXY: 'http://corp:1' });
  const again = KeyRing.open(file, clock, 'ada');
  expect(again.workspaceKey).toBe(first.workspaceKey);
  expect(again.tokenSecret).toEqual(first.tokenSecret);
  expect(again.tokenSecret.length).toBeGreaterThanOrEqual(32);
  expect(again.verify(`local:${secret}`)).toEqual({ kind: 'exec', user: 'ada' });
  expect(again.execKey(secret)).toMatchObject({ label: 'exec python', proxyEnv: { HTTPS_PROXY: 'http://corp:1' } });
  expect(again.verify(first.workspaceKey)?.kind).toBe('workspace');
  expect(readFileSync(file, 'utf8')).not.toContain(secret);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test.each(['', ':', 'local:', 'a:b', '0'.repeat(48), 'fal-id:fal-secret'])('%j is nobody', (key) => {
  const ring = KeyRing.open(file, clock, 'ada');
  expect(ring.verify(key)).toBeNull();
  expect(ring.execKey(key)).toBeNull();
});

test('a runner’s key ends with the runner; an exec key after a month', () => {
  const ring = KeyRing.open(file, clock, 'ada');
  const runner = ring.issueRunner();
  expect(runner).toMatch(/^[^:]+:[^:]+$/);
  expect(ring.verify(runner)?.kind).toBe('runner');
  ring.revokeRunner(runner);
  expect(ring.verify(runner)).toBeNull();
  const secret = ring.issueExec('env', {});
  clock.advance(31 * 24 * 3600 * 1000);
  expect(KeyRing.open(file, clock, 'ada').verify(secret)).toBeNull();
});

test('damaged keys are an error with the way out, not silently new ones', () => {
  writeFileSync(file, '{"version": 1');
  expect(() => KeyRing.open(file, clock, 'ada')).toThrow(
    expect.objectContaining({ code: 'E_STATE_DAMAGED', actions: ['windtunnel clean --state'] }),
  );
});
