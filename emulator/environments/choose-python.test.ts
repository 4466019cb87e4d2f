import { expect, it } from 'vitest';
import { choosePython } from './choose-python.ts';
import type { PythonInfo } from './probe-python.ts';
import type { PythonCandidate } from './python-candidates.ts';

const info = (path: string, version: string, canMakeVenv = true): PythonInfo => ({
  path,
  executable: path,
  version,
  minor: version.split('.').slice(0, 2).join('.'),
  canMakeVenv,
  hasPip: true,
  arch: 'x86_64',
});
const MACHINE: Record<string, PythonInfo | string> = {
  '/w/.venv/bin/python': info('/w/.venv/bin/python', '3.11.7'),
  '/editor': info('/editor', '3.12.1'),
  '/old': info('/old', '3.9.2'),
  '/bare': info('/bare', '3.13.0', false),
  '/broken': 'ended with 127',
};
const choose = (paths: string[], wanted: string | null, hasUv = false, source: PythonCandidate['source'] = 'PATH') =>
  choosePython(
    paths.map((path) => ({ path, source })),
    wanted,
    hasUv,
    async (path) => MACHINE[path] ?? 'does not exist',
  );

it('takes the first that fits', async () => {
  expect((await choose(['/broken', '/old', '/w/.venv/bin/python', '/editor'], null)).version).toBe('3.11.7');
  expect((await choose(['/w/.venv/bin/python', '/editor'], '3.12')).version).toBe('3.12.1');
});

it('takes one without venv only when uv is there', async () => {
  expect((await choose(['/bare', '/editor'], null)).path).toBe('/editor');
  expect((await choose(['/bare', '/editor'], null, true)).path).toBe('/bare');
  await expect(choose(['/bare', '/editor'], '3.13')).rejects.toMatchObject({ code: 'E_PYTHON_NO_VENV' });
});

it('names the setting when that is what is wrong', async () => {
  await expect(choose(['/old'], null, false, 'setting')).rejects.toMatchObject({
    code: 'E_PYTHON_VERSION',
    message: 'The app needs Python 3.10 or newer; found 3.9.2 at /old (setting).',
    hint: 'Set "python" in windtunnel.jsonc to a Python 3.12, or leave it out to have one looked for.',
  });
});
