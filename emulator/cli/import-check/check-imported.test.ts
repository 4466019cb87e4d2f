import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { testPython } from '../../../test/support/python.ts';
import { importApp } from '../../import/import-app.ts';
import type { ImportedApp } from '../../import/platform.ts';
import { staticChecks } from '../../import/static-checks.ts';
import type { PythonParser } from '../../import/syntax.ts';
import { fixture, fixtureNames } from '../../import/testing/fixtures.ts';
import { testParser } from '../../import/testing/test-parser.ts';
import { type CheckResult, checkImported } from './check-imported.ts';

// It stops where the source uses what was left to a person: the report says so.
const LEFT = ['runpod/unknown-parts'];
const NAMES = [...fixtureNames('cog'), ...fixtureNames('runpod')];

let parser: PythonParser;
let work: string;
const apps = new Map<string, ImportedApp>();
const results = new Map<string, CheckResult['checks']>();

const changed = (name: string, file: string, change: (text: string) => string): ImportedApp => {
  const app = apps.get(name)!;
  const files = app.files.map((one) =>
    one.path === file ? { ...one, content: Buffer.from(change(Buffer.from(one.content).toString())) } : one,
  );
  return { ...app, files };
};

beforeAll(async () => {
  parser = await testParser();
  work = mkdtempSync(path.join(tmpdir(), 'wt-check-'));
  for (const name of NAMES) apps.set(name, importApp(fixture(name), { from: 'auto', entry: null }, parser));
  const wrong = [
    ['another answer', changed('cog/basic', 'predict.py', (text) => text.replace('Hello', 'Goodbye'))],
    ['a call less', changed('cog/pipeline', 'predict.py', (text) => text.replace('sample.save(path)', 'pass'))],
    ['imports', changed('cog/basic', 'predict.py', (text) => `import torch\n${text}`)],
    ['openapi', changed('cog/streaming', 'predict.py', (text) => text.replace('"/stream"', '"/"'))],
    ['compiles', changed('cog/basic', 'predict.py', (text) => `${text}\n)`)],
  ] as const;
  const cases = [
    ...NAMES.map((name) => ({ name, folder: fixture(name), app: apps.get(name)! })),
    ...wrong.map(([name, app]) => ({ name, folder: fixture(`cog/${app.report.app}`), app })),
  ];
  for await (const { name, checks } of checkImported(cases, await testPython(), work, new AbortController().signal)) {
    results.set(name, checks);
  }
}, 300_000);

afterAll(() => rmSync(work, { recursive: true, force: true }));

it.each(NAMES.filter((name) => !LEFT.includes(name)))('%s passes every check', (name) => {
  const blocked = apps.get(name)!.files.length === 0;
  const all = [...staticChecks(fixture(name), apps.get(name)!, parser), ...(results.get(name) ?? [])];
  expect(all.filter(({ ok }) => !ok)).toEqual([]);
  expect(all.length > 0).toBe(!blocked);
  const serves = apps.get(name)!.report.findings.some(({ code }) => code === 'F117' || code === 'F119');
  if (!blocked && !serves) expect(all.map(({ check }) => check)).toContain('behaviour');
});

it.each(LEFT)('%s stops where its report says that something is left', (name) => {
  const behaviour = results.get(name)!.find(({ check }) => check === 'behaviour')!;
  expect(behaviour).toMatchObject({ ok: false, detail: expect.stringContaining('not converted, see the report') });
  expect(apps.get(name)!.report.findings.map(({ code }) => code)).toContain('F128');
});

it.each([
  ['another answer', 'behaviour', 'the source gave {"output": "Hello'],
  ['a call less', 'behaviour', 'on stand-ins: the source'],
  ['imports', 'imports', 'torch is imported where the app is deployed'],
  ['openapi', 'openapi', 'Predictor: /, /'],
  ['compiles', 'compiles', 'predict.py'],
])('a conversion with %s is seen', (name, check, detail) => {
  const failed = results.get(name)!.filter(({ ok }) => !ok);
  expect(failed[0]).toMatchObject({ check, detail: expect.stringContaining(detail) });
});

it('checks that cannot run say so', async () => {
  const cases = [{ name: 'x', folder: fixture('cog/basic'), app: apps.get('cog/basic')! }];
  const run = checkImported(cases, '/bin/false', path.join(work, 'none'), new AbortController().signal);
  await expect(run.next()).rejects.toMatchObject({ code: 'E_IMPORT_CHECK' });
});
