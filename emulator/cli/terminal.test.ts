import { expect, test } from 'vitest';
import { ERROR_CODES, type ErrorCode, WindtunnelError } from '../contract/index.ts';
import { formatAge, formatBytes, table } from './table.ts';
import { EXIT, errorLines, exitCodeOf, report } from './terminal.ts';

test('every error code has an exit code, and the app’s own failures are 1', () => {
  for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
    const exit = exitCodeOf(new WindtunnelError(code, 'x'));
    if (ERROR_CODES[code][0] === 'app') expect(exit, code).toBe(EXIT.failed);
    if (ERROR_CODES[code][0] === 'system') expect(exit, code).toBe(EXIT.emulator);
  }
  expect(exitCodeOf(new WindtunnelError('E_USAGE', 'x'))).toBe(EXIT.usage);
});

test('an error is told with its traceback and its fix', () => {
  const error = new WindtunnelError('E_APP_SETUP', 'app.py:5: boom', {
    detail: 'Traceback\n  boom\n',
    hint: 'Mend it.',
  });
  expect(errorLines(error)).toEqual([
    'error: app.py:5: boom [E_APP_SETUP]',
    '  | Traceback',
    '  |   boom',
    '  fix: Mend it.',
  ]);
});

test('anything else that is thrown is our own failure', () => {
  const notes: string[] = [];
  const host = { env: {}, platform: 'linux', home: '/', uid: 1 } as const;
  expect(report({ note: (line) => notes.push(line), host }, new TypeError('no'))).toBe(EXIT.emulator);
  expect(notes).toEqual(['error: no [E_INTERNAL]']);
});

test('tables, sizes and ages', () => {
  expect(
    table([
      ['A', 'B'],
      ['long', 'x'],
      ['', 'y'],
    ]),
  ).toEqual(['A     B', 'long  x', '      y']);
  expect([0, 999, 1500, 84_213_760, 2.5e12].map(formatBytes)).toEqual(['0 B', '999 B', '1.5 kB', '84.2 MB', '2.5 TB']);
  expect([0, 90_000, 600_000, 2e7, 1e9].map(formatAge)).toEqual(['0 s', '90 s', '10 min', '6 h', '12 d']);
});
