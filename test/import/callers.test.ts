import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FIXTURES } from '../../emulator/import/testing/fixtures.ts';
import { EmulatorUnderTest } from '../support/emulator.ts';
import { testPython } from '../support/python.ts';

// Callers of each platform, rewritten by `windtunnel import --client`, call the converted app in the emulator. What they
// must print is what their app says to its inputs; `originals.test.ts` compares the apps with their platforms.
const APPS: Record<string, { fixture: string; callers: string[] }> = {
  counting: { fixture: 'runpod/generator', callers: ['runpod_package.py', 'runpod_http.py'] },
  squares: { fixture: 'modal/plain', callers: ['modal_callers.py'] },
  basic: { fixture: 'cog/basic', callers: ['replicate_run.py'] },
};

let emulator: EmulatorUnderTest;

beforeAll(async () => {
  emulator = await EmulatorUnderTest.start([]);
  for (const [name, { fixture, callers }] of Object.entries(APPS)) {
    const folder = path.join(emulator.workspace, name);
    mkdirSync(folder);
    cpSync(path.join(FIXTURES, fixture, 'source'), folder, { recursive: true });
    for (const caller of callers)
      copyFileSync(path.join(import.meta.dirname, 'callers', caller), path.join(folder, caller));
    if (name === 'squares') writeFileSync(path.join(folder, 'deploy.sh'), 'set -e\nmodal deploy squares.py\n');
    const imported = await emulator.cli('import', name, '--client', 'all');
    const entry = /^next: windtunnel run (.*)$/m.exec(imported.stdout)?.[1];
    if (entry === undefined) throw new Error(`${name} was not imported: ${imported.stdout}${imported.stderr}`);
    await emulator.run(path.relative(emulator.workspace, entry));
  }
}, 600_000);

afterAll(() => emulator?.dispose());

it.each([
  ['counting', 'runpod_package.py'],
  ['counting', 'runpod_http.py'],
  ['squares', 'modal_callers.py'],
  ['basic', 'replicate_run.py'],
])('%s answers %s', async (app, caller) => {
  const file = path.join(`${app}-fal`, caller);
  const ended = await emulator.exec(await testPython(), [file]);
  expect(ended.code, ended.stderr).toBe(0);
  expect(JSON.parse(ended.stdout)).toEqual(ANSWERS[caller]);
});

const upTo = (end: number) => Array.from({ length: end }, (_, number) => ({ number }));
const ANSWERS: Record<string, unknown> = {
  'runpod_package.py': [upTo(3), upTo(2), 'COMPLETED', upTo(4)],
  'runpod_http.py': ['COMPLETED', upTo(3), upTo(2), upTo(2)],
  'modal_callers.py': [9, [1, 4], 25],
  'replicate_run.py': 'HELLO, ADA!',
};

it('scripts deploy the app with fal', () => {
  const script = readFileSync(path.join(emulator.workspace, 'squares-fal/deploy.sh'), 'utf8');
  expect(script).toBe('set -e\nfal deploy squares.py\n');
});

it('what cannot be rewritten keeps its text, with a mark that has a row in the report', () => {
  const caller = readFileSync(path.join(emulator.workspace, 'counting-fal/runpod_http.py'), 'utf8');
  expect(caller).toMatch(
    /# \w+\(fal-import\): F803 health = .*\nhealth = None if now else httpx.get\(f"\{BASE\}\/health"/,
  );
  const report = readFileSync(path.join(emulator.workspace, 'counting-fal/IMPORT.md'), 'utf8');
  expect(report).toContain('**F803** runpod_http.py:22');
});
