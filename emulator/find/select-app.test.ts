import { beforeAll, expect, it } from 'vitest';
import { WindtunnelError } from '../contract/index.ts';
import type { Finder } from './finder.ts';
import { selectApp } from './select-app.ts';
import { testFinder } from './testing/test-finder.ts';

let finder: Finder;
beforeAll(async () => {
  finder = await testFinder();
});

const select = (source: string, symbol?: string) => selectApp(finder.findInSource(source, 'app.py'), 'app.py', symbol);
const failure = (source: string, symbol?: string): WindtunnelError => {
  try {
    select(source, symbol);
  } catch (error) {
    if (error instanceof WindtunnelError) return error;
    throw error;
  }
  throw new Error('was selected');
};

const TWO = 'import fal\nclass Upscale(fal.App): ...\n\nclass Caption(fal.App): ...\n';
const FUNCTION = '@fal.function()\ndef helper(): ...\n';

it('takes the only app, and prefers it to functions as the SDK does', () => {
  expect(select('import fal\nclass A(fal.App): ...\n').symbol).toBe('A');
  expect(select(`import fal\nclass A(fal.App): ...\n${FUNCTION}`).symbol).toBe('A');
  expect(select(`import fal\n${FUNCTION}`).symbol).toBe('helper');
});

it('takes the named one', () => {
  expect(select(TWO, 'Caption').symbol).toBe('Caption');
  expect(select(`${TWO}${FUNCTION}`, 'helper').kind).toBe('function');
});

it('says when there is none', () => {
  expect(failure('import fal\n').message).toBe('app.py holds no fal.App and no fal.function.');
  expect(failure('import fal\n').code).toBe('E_NO_APP');
});

it('lists several with their lines and ready references', () => {
  const error = failure(TWO);
  expect(error.code).toBe('E_SEVERAL_APPS');
  expect(error.message).toBe('app.py holds 2 apps: Upscale (line 2), Caption (line 4).');
  expect(error.actions).toEqual(['app.py::Upscale', 'app.py::Caption']);
});

it('guesses what a wrong symbol meant, when it is near', () => {
  expect(failure(TWO, 'captoin')).toMatchObject({ code: 'E_UNKNOWN_SYMBOL', hint: 'Did you mean Caption?' });
  expect(failure(TWO, 'Transcribe').hint).toBe('Name one of these.');
});
