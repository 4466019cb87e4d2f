import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { askOracle, type OracleResult } from '../../../test/corpus/oracle.ts';
import { testPython } from '../../../test/support/python.ts';
import { importApp } from '../../import/import-app.ts';
import type { ImportedApp } from '../../import/platform.ts';
import { staticChecks } from '../../import/static-checks.ts';
import type { PythonParser } from '../../import/syntax.ts';
import { fixture, fixtureNames } from '../../import/testing/fixtures.ts';
import { testParser } from '../../import/testing/test-parser.ts';
import { type CheckResult, checkImported } from './check-imported.ts';

// They stop where the source uses what was left to a person: the report says so.
const LEFT = ['runpod/unknown-parts', 'modal/extras'];
const STOPS = 'the app stops at what the report leaves to you';
const NAMES = fixtureNames();

let parser: PythonParser;
let work: string;
const apps = new Map<string, ImportedApp>();
const results = new Map<string, CheckResult['checks']>();
const oracle = new Map<string, OracleResult>();

/** What the oracle must see: [the fixture, its file, what stands there, what is written instead, what it says]. */
const WRONG = [
  ['cog/basic', 'predict.py', '    name: str', '    nom: str', 'name is missing'],
  ['cog/basic', 'predict.py', 'le=5', 'le=6', 'times has the maximum 6, not 5'],
  ['cog/basic', 'predict.py', '"plain", "warm"', '"plain"', "tone has the choices ['plain'], not"],
  ['runpod/required-error', 'worker.py', 'pydantic.Field(...', 'pydantic.Field(None', 'number is not required'],
  ['runpod/generator', 'handler.py', '"/stream"', '"/events"', "wants ['/', '/stream'], there is"],
  ['runpod/flash', 'api.py', '.Field(1, alias', '.Field(2, alias', 'copy has the default 2, not 1'],
  ['modal/plain', 'squares.py', '    x: int', '    x: str', "x is ['string'], not ['integer']"],
  ['modal/plain', 'squares.py', 'data: SquareInput)', 'x: int)', "takes ['x'] from the query"],
] as const;
const ORACLE_CASES = WRONG.map(([fixtureName, file, from, to, seen]) => ({
  name: `${fixtureName}: ${seen}`,
  fixtureName,
  file,
  from,
  to,
  seen,
}));

const kindOf = (name: string): string =>
  name.startsWith('runpod/flash') ? 'runpod-flash' : name.slice(0, name.indexOf('/'));

const changed = (name: string, file: string, change: (text: string) => string): ImportedApp => {
  const app = apps.get(name)!;
  const files = app.files.map((one) =>
    one.path === file ? { ...one, content: Buffer.from(change(Buffer.from(one.content).toString())) } : one,
  );
  return { ...app, files };
};

/** The fixture that an app was made from. */
const folderOf = ({ report }: ImportedApp): string =>
  NAMES.find((name) => apps.get(name)!.report.app === report.app && name.startsWith(report.platform))!;

beforeAll(async () => {
  parser = await testParser();
  work = mkdtempSync(path.join(tmpdir(), 'wt-check-'));
  for (const name of NAMES) apps.set(name, importApp(fixture(name), { from: 'auto', entry: null }, parser));
  const wrong = [
    ['another answer', changed('cog/basic', 'predict.py', (text) => text.replace('Hello', 'Goodbye'))],
    ['another call', changed('modal/model', 'classify.py', (text) => text.replace('(word, "en")', '(word, "de")'))],
    ['a lost variable', changed('modal/runner-names', 'report.py', (text) => text.replaceAll('"plain"', '"bold"'))],
    ['a call less', changed('cog/pipeline', 'predict.py', (text) => text.replace('sample.save(path)', 'pass'))],
    ['imports', changed('cog/basic', 'predict.py', (text) => `import torch\n${text}`)],
    ['openapi', changed('cog/streaming', 'predict.py', (text) => text.replace('"/stream"', '"/"'))],
    ['compiles', changed('cog/basic', 'predict.py', (text) => `${text}\n)`)],
  ] as const;
  const cases = [
    ...NAMES.map((name) => ({ name, folder: fixture(name), app: apps.get(name)! })),
    ...wrong.map(([name, app]) => ({ name, folder: fixture(folderOf(app)), app })),
    ...ORACLE_CASES.map(({ name, fixtureName, file, from, to }) => {
      const app = changed(fixtureName, file, (text) => text.replace(from, to));
      return { name, folder: fixture(fixtureName), app };
    }),
  ];
  const found = new Map<string, CheckResult>();
  for await (const result of checkImported(cases, await testPython(), work, new AbortController().signal)) {
    results.set(result.name, result.checks);
    found.set(result.name, result);
  }
  const seen = new Set([...NAMES, ...ORACLE_CASES.map(({ name }) => name)]);
  const asked = cases
    .filter(({ name }) => seen.has(name))
    .flatMap(({ name, folder, app: { report } }) => {
      const own = found.get(name);
      return own?.apps
        ? [{ name, kind: kindOf(name), folder, entry: report.entry, items: report.items, found: own }]
        : [];
    });
  for (const result of askOracle(asked, await testPython(), path.join(work, 'oracle'))) oracle.set(result.name, result);
}, 600_000);

afterAll(() => rmSync(work, { recursive: true, force: true }));

it.each(NAMES.filter((name) => !LEFT.includes(name)))('%s passes every check', (name) => {
  const blocked = apps.get(name)!.files.length === 0;
  const all = [...staticChecks(fixture(name), apps.get(name)!, parser), ...(results.get(name) ?? [])];
  expect(all.filter(({ ok }) => !ok)).toEqual([]);
  expect(all.length > 0).toBe(!blocked);
  const compared = all.filter(({ check }) => check === 'behaviour' || check === 'not compared');
  if (!blocked) expect(compared).not.toEqual([]);
});

// What a source asks for is read by Python's own parser, by other code than the importer's.
it.each(NAMES)('%s has the endpoints and fields that the oracle reads from its source', (name) => {
  if (apps.get(name)!.files.length === 0) expect(oracle.has(name)).toBe(false);
  else expect(oracle.get(name)).toMatchObject({ wrong: [], unaccounted: [] });
});

it.each(ORACLE_CASES)('the oracle sees it: $name', ({ name, seen }) => {
  expect(oracle.get(name)!.wrong.join('\n')).toContain(seen);
});

it.each(LEFT)('%s stops where its report says that something is left', (name) => {
  const failed = results.get(name)!.filter(({ ok }) => !ok);
  expect(failed).toEqual([{ check: 'behaviour', ok: false, detail: expect.stringContaining(STOPS) }]);
  expect(apps.get(name)!.report.findings.map(({ code }) => code)).toContainEqual(expect.stringMatching(/^F128|F760$/));
});

// FastAPI hands over a request, servers answer by themselves, a stream has a form of its own.
it('what is not compared is named, with the reason', () => {
  const named = NAMES.flatMap((name) =>
    (results.get(name) ?? []).flatMap(({ check, detail }) => (check === 'not compared' ? [`${name} ${detail}`] : [])),
  );
  expect(named).toEqual([
    'modal/server site: it serves HTTP by itself: there is no function to call',
    'modal/server Guarded: it serves HTTP by itself: there is no function to call',
    'modal/server files: it serves HTTP by itself: there is no function to call',
    'modal/server Pictures: it serves HTTP by itself: there is no function to call',
    'modal/web greet: FastAPI fills in request',
    'runpod/http-server it serves HTTP by itself: there is no function to call',
  ]);
});

it.each([
  ['another answer', 'behaviour', 'the source gave {"output": "Hello'],
  ['another call', 'behaviour', 'Classifier.rate: call 1 on stand-ins: the source ["wordfreq.word_frequency"'],
  ['a lost variable', 'behaviour', 'describe: input 1: the source gave'],
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
