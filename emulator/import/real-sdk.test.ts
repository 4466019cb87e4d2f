import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import * as z from 'zod/mini';
import { testPython } from '../../test/support/python.ts';
import { importApp } from './import-app.ts';
import { FIXTURES, fixture, fixtureNames } from './testing/fixtures.ts';
import { testParser } from './testing/test-parser.ts';

const ResultSchema = z.record(
  z.string(),
  z.object({
    paths: z.array(z.string()),
    unpickled: z.array(z.string()),
    status: z.optional(z.number()),
    answer: z.optional(z.unknown()),
    stop: z.optional(z.nullable(z.string())),
    stream: z.optional(z.string()),
    wrong: z.optional(z.nullable(z.number())),
    original: z.optional(z.unknown()),
  }),
);

// What needs a package, a network or an image to run.
const NOT_RUN = new Set(['lazy-volume', 'tools', 'unknown-parts', 'image', 'start-script', 'python-image']);
const INPUTS: Record<string, unknown> = {
  plain: {},
  'required-error': { number: 104 },
  'model-load': { text: 'why?' },
  validated: { word: 'ha', times: 3 },
  generator: { up_to: 4 },
  'async-generator': { text: 'a b c' },
  async: { x: 1 },
  'local-service': { text: 'hi' },
  'several-starts': { a: [1, 2] },
  'dos-tabs': { class: 'x', json: 2 },
  alpine: { text: 'four' },
};
const WRONG: Record<string, unknown> = { 'required-error': { number: 'x' }, validated: { word: 'a', times: '3' } };

let folder: string;
let results: z.infer<typeof ResultSchema>;
const converted: string[] = [];

beforeAll(async () => {
  const parser = await testParser();
  folder = mkdtempSync(path.join(tmpdir(), 'wt-import-'));
  const plan = [];
  for (const full of fixtureNames('runpod')) {
    const name = path.basename(full);
    const { files, report } = importApp(fixture(full), { from: 'runpod', entry: null }, parser);
    // What has no handler to call is looked at by emulator/cli/import-check.
    if (files.length === 0 || /^(http-server|flash)/.test(name)) continue;
    converted.push(name);
    for (const { path: file, content } of files) {
      mkdirSync(path.dirname(path.join(folder, name, file)), { recursive: true });
      writeFileSync(path.join(folder, name, file), content);
    }
    const siblings = files
      .map(({ path: file }) => path.basename(file, '.py'))
      .filter((file) => !report.entry.includes(file));
    plan.push({
      name,
      source: path.join(FIXTURES, full, 'source'),
      converted: path.join(folder, name),
      entry: report.entry,
      refuse: ['runpod', 'torch', 'requests', 'worker_tools', ...siblings],
      input: NOT_RUN.has(name) ? null : INPUTS[name],
      wrong: WRONG[name] ?? null,
    });
  }
  const run = spawnSync(await testPython(), [path.join(import.meta.dirname, 'testing/check_converted.py')], {
    input: JSON.stringify(plan),
    encoding: 'utf8',
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
  });
  if (run.status !== 0) throw new Error(run.stderr);
  results = ResultSchema.parse(JSON.parse(run.stdout.slice(run.stdout.lastIndexOf('\n{') + 1)));
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('each converted app imports without the packages of its runner, and survives the pickle of a deploy', () => {
  expect(Object.keys(results)).toEqual(converted);
  for (const [name, { paths, unpickled }] of Object.entries(results)) {
    const streams = /generator/.test(name);
    expect(
      paths.filter((at) => at !== '/health'),
      name,
    ).toEqual(streams ? ['/', '/stream'] : ['/']);
    expect(unpickled, name).toEqual(paths);
  }
});

it.each(Object.keys(INPUTS).filter((name) => name !== 'required-error'))('%s answers as its worker did', (name) => {
  const { status, answer, original } = results[name]!;
  expect(status).toBe(200);
  expect(answer).toEqual(original);
});

it('a result that asks for a new worker is answered, and ends its runner', () => {
  expect(results['required-error']).toMatchObject({ status: 200, answer: { even: true }, stop: 'true' });
  expect(results['required-error']!.original).toEqual({ even: true, refresh_worker: true });
  expect(results.async!.stop).toBe('true');
  expect(results.plain!.stop).toBeNull();
});

it('an error fails the request; input that the schema refuses is a 422', () => {
  expect(results['required-error']!.wrong).toBe(500);
  expect(results.validated!.wrong).toBe(422);
});

it('a generator streams its items as events', () => {
  expect(results.generator!.stream).toBe([0, 1, 2, 3].map((n) => `data: {"number": ${n}}\n\n`).join(''));
  expect(results['async-generator']!.stream).toBe('data: "a"\n\ndata: "b"\n\ndata: "c"\n\n');
});
