import { expect, test } from 'vitest';
import { entryLine, localTime } from './log-line.ts';
import { StatusLine } from './status-line.ts';
import { styleOf } from './style.ts';

function statusOn(output: { isTTY?: boolean; columns?: number }) {
  const written: string[] = [];
  let tick: (() => void) | null = null;
  const line = new StatusLine({ ...output, write: (text) => written.push(text) }, (each) => {
    tick = each;
    return {
      stop: () => {
        tick = null;
      },
    };
  });
  return { line, written, pass: () => tick?.(), ticking: () => tick !== null };
}

test('on a terminal it is rewritten in place, cut to its width, and makes way for whole lines', () => {
  const { line, written } = statusOn({ isTTY: true, columns: 11 });
  line.show('installing everything');
  line.around(() => written.push('a line\n'));
  line.show(null);
  const shown = '\r\x1b[2Kinstalling';
  expect(written).toEqual([shown, '\r\x1b[2K', 'a line\n', shown, '\r\x1b[2K']);
  line.around(() => written.push('after\n'));
  expect(written.at(-1)).toBe('after\n');
});

test('a terminal that does not know its width has 80 columns', () => {
  const { line, written } = statusOn({ isTTY: true, columns: 0 });
  line.show('x'.repeat(100));
  expect(written).toEqual([`\r\x1b[2K${'x'.repeat(79)}`]);
});

test('in a pipe it is a line now and then, each text once, and none of what was over soon', () => {
  const { line, written, pass, ticking } = statusOn({});
  line.show('one');
  line.show('two');
  pass();
  pass();
  line.around(() => written.push('a line\n'));
  line.show('three');
  line.show(null);
  expect(ticking()).toBe(false);
  expect(written).toEqual(['two\n', 'a line\n']);
});

test('times are those of the clock on the wall, with the day where it is not today', () => {
  const at = new Date(2026, 1, 3, 4, 5, 6).getTime();
  expect(localTime(at)).toBe('04:05:06');
  expect(localTime(at, at + 86_400_000)).toBe('2026-02-03 04:05:06');
  const line = { timestamp: new Date(at).toISOString(), level: 'STDOUT', message: 'hi\n', source: 'USER', labels: {} };
  const entry = { app: 'local/a', runner: 'r1234567-8', request: null, line } as const;
  const plain = styleOf(false, {});
  expect(entryLine({ ...entry, line: { ...entry.line, level: 'STDOUT', source: 'USER' } }, at, plain)).toBe(
    '04:05:06 local/a  runner r1234567 | hi',
  );
});
