import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRedactor } from './redactor.ts';

const secret = fc.string({ minLength: 6, maxLength: 24, unit: 'grapheme-ascii' });

test('a value never survives, wherever it stands', () => {
  fc.assert(
    fc.property(secret, fc.string(), fc.string(), (value, before, after) => {
      fc.pre(!'[secret]'.includes(value) && !value.includes('[secret]'));
      const clean = createRedactor([value]).redact(`${before}${value}${after}`);
      // What stands around the mask may spell the value by chance only if it did so in the surroundings already.
      fc.pre(!before.includes(value) && !after.includes(value));
      expect(clean).toContain('[secret]');
      expect(clean.replaceAll('[secret]', '\0')).not.toContain(value);
    }),
  );
});

test('any chunking of a stream gives the same text as the whole', () => {
  const letter = fc.constantFrom('a', 'b', 'c', '\n');
  const text = fc.string({ unit: letter, maxLength: 60 });
  const values = fc.array(fc.string({ unit: letter, minLength: 6, maxLength: 9 }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(values, text, text, fc.array(fc.nat(160), { maxLength: 8 }), (needles, left, right, cuts) => {
      const whole = left + needles.join('a') + right;
      const redactor = createRedactor(needles);
      const stream = redactor.stream();
      const borders = [...new Set([0, ...cuts.map((cut) => Math.min(cut, whole.length)), whole.length])].sort(
        (a, b) => a - b,
      );
      let out = '';
      for (let i = 1; i < borders.length; i++) out += stream.push(whole.slice(borders[i - 1], borders[i]));
      expect(out + stream.flush()).toBe(redactor.redact(whole));
    }),
    { numRuns: 500 },
  );
});

test('nothing of a secret leaves a stream before its end is known', () => {
  const stream = createRedactor(['s3cr3t-value']).stream();
  expect(stream.push('key=s3cr3t-')).toBe('key=');
  expect(stream.push('value!')).toBe('[secret]!');
  expect(stream.push('s3cr3t-ish')).toBe('s3cr3t-ish');
});

test('encoded forms are found: URL, JSON, base64 at every offset', () => {
  const value = 'p@ss/w"rd+1 é';
  const { redact } = createRedactor([value]);
  expect(redact(`?k=${encodeURIComponent(value)}`)).toBe('?k=[secret]');
  expect(redact(JSON.stringify({ value }))).toBe('{"value":"[secret]"}');
  for (const user of ['', 'u', 'us', 'user:']) {
    const basic = Buffer.from(`${user}${value}:x`).toString('base64');
    expect(redact(basic), user).toContain('[secret]');
    expect(redact(Buffer.from(`${user}${value}:x`).toString('base64url')), user).toContain('[secret]');
  }
});

test('a key of several lines is found line by line', () => {
  const { redact } = createRedactor(['-----BEGIN KEY-----\nMIIEvQIBADAN\n-----END KEY-----\n']);
  expect(redact('  MIIEvQIBADAN')).toBe('  [secret]');
});

test('of two secrets with one start the longer one goes whole', () => {
  expect(createRedactor(['abcdef', 'abcdef-123']).redact('abcdef-123 abcdef')).toBe('[secret] [secret]');
});

test('short values and other text stay', () => {
  const { redact } = createRedactor(['abc', '', '12345']);
  expect(redact('abc 12345')).toBe('abc 12345');
});

test('redactDeep reaches nested strings and keeps untouched objects as they are', () => {
  const redactor = createRedactor(['topsecret']);
  const same = { a: ['x', { b: 1 }], n: null };
  expect(redactor.redactDeep(same)).toBe(same);
  expect(redactor.redactDeep({ error: { detail: 'got topsecret' }, list: ['topsecret', 2] })).toEqual({
    error: { detail: 'got [secret]' },
    list: ['[secret]', 2],
  });
});
