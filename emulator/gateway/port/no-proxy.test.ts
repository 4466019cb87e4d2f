import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FAL_ZONES } from './hosts.ts';
import { leaksFal, parseNoProxy } from './no-proxy.ts';

describe('NO_PROXY entries that would let a fal host bypass the port', () => {
  it.each([
    '*',
    '**',
    '.',
    'fal.run',
    '.fal.run',
    '*.fal.run',
    'FAL.RUN',
    'fal.run.',
    'fal.run:443',
    'run',
    '.ai',
    'n', // requests compares plain suffixes
    'al.run',
    'queue.fal.run',
    'https://',
    'all://*',
    'https://fal.run',
    'https://fal.run:443/',
    ':443',
    'f*l.run',
    'com',
  ])('%s', (entry) => {
    expect(leaksFal(entry)).toBe(true);
  });

  it.each([
    'localhost',
    '127.0.0.1',
    '::1',
    '10.0.0.0/8',
    'corp.example',
    '.internal',
    'fal.run.corp',
    'notfal.org:80',
  ])('but not %s', (entry) => {
    expect(leaksFal(entry)).toBe(false);
  });

  it('drops whatever is a suffix of some fal host, in any case', () => {
    const host = fc
      .tuple(fc.constantFrom('', 'queue.', 'v3.', 'a.b.'), fc.constantFrom(...FAL_ZONES))
      .map((t) => t.join(''));
    fc.assert(
      fc.property(host, fc.nat(20), fc.boolean(), (name, cut, upper) => {
        const entry = name.slice(Math.min(cut, name.length));
        expect(leaksFal(upper ? entry.toUpperCase() : entry)).toBe(true);
      }),
    );
  });
});

describe('parseNoProxy', () => {
  it.each([
    ['corp.example', 'corp.example', 443, true],
    ['corp.example', 'git.corp.example', 443, true],
    ['.corp.example', 'corp.example', 443, true],
    ['corp.example', 'notcorp.example', 443, false],
    ['corp.example:8443', 'corp.example', 443, false],
    ['corp.example:8443', 'corp.example', 8443, true],
    ['a, b\tcorp.example', 'corp.example', 443, true],
    ['10.0.0.0/8', '10.1.2.3', 443, true],
    ['10.0.0.0/8', '11.1.2.3', 443, false],
    ['10.0.0.0/8', 'ten.example', 443, false],
    ['::1', '::1', 443, true],
    ['[::1]:80', '::1', 443, false],
    ['1.2.3.4', '11.2.3.4', 443, false],
    ['*', 'anything', 1, true],
    ['', 'anything', 1, false],
  ])('%j matches %s:%d: %s', (value, host, port, expected) => {
    expect(parseNoProxy(value).matches(host, port)).toBe(expected);
  });
});
