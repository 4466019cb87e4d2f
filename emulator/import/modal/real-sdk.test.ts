import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { testPython } from '../../../test/support/python.ts';
import { importApp } from '../import-app.ts';
import { FIXTURES, fixture, fixtureNames } from '../testing/fixtures.ts';
import { testParser } from '../testing/test-parser.ts';

const ResultSchema = z.record(
  z.string(),
  z.object({
    apps: z.record(
      z.string(),
      z.object({ port: z.nullable(z.number()), paths: z.array(z.string()), unpickled: z.array(z.string()) }),
    ),
    answers: z.array(
      z.object({ status: z.number(), body: z.unknown(), expected: z.unknown(), stop: z.nullable(z.string()) }),
    ),
  }),
);

interface Call {
  /** The app, and the function or class that it was made from. */
  app: string;
  unit: string;
  method?: string;
  path: string;
  input: object;
  parameters?: object;
  /** Arguments that are a model of the source: name → class. */
  models?: Record<string, string>;
  text?: boolean;
}

// Modal itself cannot be had here: the originals run on a stand-in that calls functions in its own process.
const CALLS: Record<string, Call[]> = {
  plain: [{ app: 'Square', unit: 'square', path: '/', input: { x: 12 } }],
  generators: [
    { app: 'Split', unit: 'split', path: '/stream', input: { text: 'a b c d' } },
    { app: 'Speaker', unit: 'Speaker', method: 'speak', path: '/stream', input: { name: 'you' } },
    { app: 'Speaker', unit: 'Speaker', method: 'once', path: '/once', input: { name: 'you' } },
  ],
  callers: [
    { app: 'Count', unit: 'count', path: '/', input: { text: 'banana' } },
    { app: 'Store', unit: 'Store', method: 'put', path: '/', input: { key: 'a', value: 2.5 } },
  ],
  web: [
    { app: 'OrderApp', unit: 'order', path: '/', input: { item: 'pear' }, models: { order: 'Order' } },
    { app: 'Shop', unit: 'Shop', method: 'price', path: '/', input: { item: 'apple', amount: 4 } },
  ],
  parameters: [
    { app: 'Greeter', unit: 'Greeter', method: 'greet', path: '/greet', input: {}, parameters: { language: 'de' } },
    {
      app: 'Greeter',
      unit: 'Greeter',
      method: 'lengths',
      path: '/lengths',
      input: { texts: 'four' },
      parameters: { language: 'en' },
    },
  ],
  legacy: [{ app: 'Counter', unit: 'Counter', method: 'add', path: '/', input: { by: 2 }, parameters: { start: 5 } }],
};

let folder: string;
let results: z.infer<typeof ResultSchema>;

beforeAll(async () => {
  const parser = await testParser();
  folder = mkdtempSync(path.join(tmpdir(), 'wt-import-'));
  const plan = [];
  for (const full of fixtureNames('modal')) {
    const name = path.basename(full);
    const { files, report } = importApp(fixture(full), { from: 'modal', entry: null }, parser);
    if (files.length === 0) continue;
    for (const { path: file, content } of files) {
      mkdirSync(path.dirname(path.join(folder, name, file)), { recursive: true });
      writeFileSync(path.join(folder, name, file), content);
    }
    const source = path.join(FIXTURES, full, 'source');
    plan.push({ name, source, converted: path.join(folder, name), entry: report.entry, calls: CALLS[name] ?? [] });
  }
  const run = spawnSync(await testPython(), [path.join(import.meta.dirname, '../testing/check_modal.py')], {
    input: JSON.stringify(plan),
    encoding: 'utf8',
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
  });
  if (run.status !== 0) throw new Error(run.stderr);
  results = ResultSchema.parse(JSON.parse(run.stdout.slice(run.stdout.lastIndexOf('\n{') + 1)));
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('each converted app imports without the packages of its runner, and survives the pickle of a deploy', () => {
  expect(Object.keys(results)).toHaveLength(fixtureNames('modal').length);
  for (const [name, { apps }] of Object.entries(results)) {
    expect(Object.keys(apps).length, name).toBeGreaterThan(0);
    for (const { port, paths, unpickled } of Object.values(apps)) {
      expect(unpickled, name).toEqual(paths);
      if (port === null) expect(paths.length, name).toBeGreaterThan(0);
    }
  }
  expect(results.server!.apps).toMatchObject({ site_server: { port: 8000 }, files_server: { port: 9000 } });
});

const cases = Object.entries(CALLS).flatMap(([name, calls]) =>
  calls.map((call, index) => [`${name} ${call.app}${call.path}`, name, index, call] as const),
);

it.each(cases)('%s answers as the function does on the stand-in', (_title, name, index, call) => {
  const { status, body, expected } = results[name]!.answers[index]!;
  expect(status).toBe(200);
  if (call.path.endsWith('/stream')) {
    const items = String(body)
      .trim()
      .split('\n\n')
      .map((event) => JSON.parse(event.replace('data: ', '')));
    expect(items).toEqual(expected);
  } else if (name === 'web') expect(body).toEqual(expected);
  else expect(body).toEqual({ result: expected });
});

it('a container for one input is a runner for one request', () => {
  expect(results.parameters!.answers[0]!.stop).toBe('true');
  expect(results.plain!.answers[0]!.stop).toBeNull();
});
