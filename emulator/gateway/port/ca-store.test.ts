import { X509Certificate } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../core/fake-clock.ts';
import { createLog } from '../../core/log.ts';
import { issueLeaves, loadOrMakeCa } from './ca-store.ts';

const DAY = 86_400_000;
let dir: string;
let clock: FakeClock;
let warnings: string[];
const log = createLog((severity, _tag, _message, fields) => {
  if (severity === 'warn') warnings.push(String(fields?.reason));
});
const load = () => loadOrMakeCa(join(dir, 'tls'), clock, log);

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'windtunnel-ca-'));
  clock = new FakeClock();
  warnings = [];
});
afterEach(() => rmSync(dir, { recursive: true }));

describe('loadOrMakeCa', () => {
  it('makes a CA once, its key readable by the owner alone and nothing left over', () => {
    const first = load();
    expect(load()).toEqual(first);
    expect(statSync(join(dir, 'tls', 'ca-key.pem')).mode & 0o777).toBe(0o600);
    expect(statSync(join(dir, 'tls')).mode & 0o777).toBe(0o700);
    expect(readFileSync(first.certFile, 'utf8')).toBe(first.cert);
    expect(readFileSync(first.certFile, 'utf8')).not.toContain('PRIVATE');
    expect(readdirSync(join(dir, 'tls')).sort()).toEqual(['ca-key.pem', 'ca.pem']);
    expect(warnings).toEqual([]);
  });

  it('takes away rights that something gave to the key', () => {
    load();
    chmodSync(join(dir, 'tls', 'ca-key.pem'), 0o644);
    load();
    expect(statSync(join(dir, 'tls', 'ca-key.pem')).mode & 0o777).toBe(0o600);
  });

  it('keeps a CA that outlives a leaf issued now and replaces one that does not, saying so', () => {
    const first = load();
    clock.advance((3650 - 398) * DAY);
    expect(load().cert).toBe(first.cert);
    clock.advance(2 * DAY);
    const second = load();
    expect(second.cert).not.toBe(first.cert);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/^it expires on /);
    const leaf = new X509Certificate(issueLeaves(second, clock).names.cert);
    expect(leaf.validToDate <= new X509Certificate(second.cert).validToDate).toBe(true);
  });

  it.each([
    ['cut short', (text: string) => text.slice(0, 300)],
    ['empty', () => ''],
    [
      'with the certificate of another CA',
      (text: string, other: string) => text.slice(0, text.indexOf('-----BEGIN CERT')) + other,
    ],
  ])('replaces a stored CA that is %s', (_, damage) => {
    const first = load();
    const file = join(dir, 'tls', 'ca-key.pem');
    const other = loadOrMakeCa(join(dir, 'other'), clock, log);
    writeFileSync(file, damage(readFileSync(file, 'utf8'), other.cert));
    const second = load();
    expect(second.cert).not.toBe(first.cert);
    expect(readFileSync(second.certFile, 'utf8')).toBe(second.cert);
    expect(warnings).toHaveLength(1);
    expect(load().cert).toBe(second.cert);
  });

  it('restores the public file when it is gone', () => {
    const first = load();
    rmSync(first.certFile);
    expect(readFileSync(load().certFile, 'utf8')).toBe(first.cert);
  });
});
