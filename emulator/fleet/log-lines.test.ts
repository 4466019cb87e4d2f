import { describe, expect, test } from 'vitest';
import { LIMITS } from '../contract/index.ts';
import { toLogLine } from './log-lines.ts';

const SECRET = 'tok-3f9c1d77-very-secret';
const redact = (text: string) => text.replaceAll(SECRET, '[secret]');
const lineOf = (message: string, request: string | null = 'r1') =>
  toLogLine({ level: 'STDOUT', message, request, at: 0 }, redact);

describe('a line as it is stored', () => {
  test('is what the app printed, with its time and whose it is', () => {
    expect(lineOf('hello')).toEqual({
      timestamp: '1970-01-01T00:00:00.000Z',
      level: 'STDOUT',
      message: 'hello',
      source: 'USER',
      labels: {},
    });
    expect(lineOf('hello', null).source).toBe('RUNNER');
  });

  test.each([
    ['ASCII', 'x'],
    ['two bytes a character', 'é'],
    ['four bytes a character', '🦊'],
  ])('%s: whole up to the limit in bytes, cut with a mark past it, never within a character', (_name, character) => {
    const whole = character.repeat(LIMITS.logLineBytes / Buffer.byteLength(character));
    expect(lineOf(whole).message).toBe(whole);
    expect(lineOf(`${whole}y`).message).toBe(`${whole} … [cut]`);
    expect(lineOf(`y${whole}`).message).toBe(`y${whole.slice(0, -character.length)} … [cut]`);
  });

  test('holds no part of a secret that the cut would halve', () => {
    const before = 'x'.repeat(LIMITS.logLineBytes - 10);
    expect(lineOf(before + SECRET).message).toBe(`${before}[secret]`);
    // `[secret]` has 8 of the 10 bytes that are left.
    expect(lineOf(`${before}${SECRET} and more`).message).toBe(`${before}[secret] a … [cut]`);
  });
});
