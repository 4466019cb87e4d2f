import { spawnSync } from 'node:child_process';
import path from 'node:path';
import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { testPython } from '../../test/support/python.ts';
import { cogPlatform } from './cog/cog-platform.ts';
import { modalPlatform } from './modal/modal-platform.ts';
import { runpodPlatform } from './runpod/runpod-platform.ts';
import type { PythonParser } from './syntax.ts';
import { fixture, fixtureNames } from './testing/fixtures.ts';
import { testParser } from './testing/test-parser.ts';

let parser: PythonParser;
beforeAll(async () => {
  parser = await testParser();
});

type Mutate = (source: string, a: number, b: number) => string;

const lineAt = (source: string, at: number): [string[], number] => {
  const lines = source.split('\n');
  return [lines, at % lines.length];
};

const MUTATIONS: Record<string, Mutate> = {
  truncate: (source, a) => source.slice(0, a % (source.length + 1)),
  'drop a line': (source, a) => {
    const [lines, at] = lineAt(source, a);
    return lines.toSpliced(at, 1).join('\n');
  },
  'repeat a line': (source, a) => {
    const [lines, at] = lineAt(source, a);
    return lines.toSpliced(at, 0, lines[at]!).join('\n');
  },
  'swap lines': (source, a, b) => {
    const [lines, at] = lineAt(source, a);
    const other = b % lines.length;
    [lines[at], lines[other]] = [lines[other]!, lines[at]!];
    return lines.join('\n');
  },
  'dos lines': (source) => source.replaceAll('\r', '').replaceAll('\n', '\r\n'),
  tabs: (source) => source.replace(/^(?: {4})+/gm, (indent) => '\t'.repeat(indent.length / 4)),
  'another alias': (source) =>
    source
      .replaceAll('import runpod\n', 'import runpod as rp\n')
      .replaceAll('runpod.serverless', 'rp.serverless')
      .replaceAll('import modal\n', 'import modal as m\n')
      .replaceAll(/\bmodal\./g, 'm.'),
  rename: (source, a) => {
    const names = [...new Set(source.match(/\b[a-z_]{4,}\b/g) ?? ['x'])].filter(
      (name) =>
        !/^(runpod|modal|serverless|start|import|from|return|async|await|yield|handler|input|class|lambda|else|pass|with|global|range|print)$/.test(
          name,
        ),
    );
    const name = names[a % Math.max(1, names.length)] ?? 'x';
    return source.replaceAll(new RegExp(`\\b${name}\\b`, 'g'), ['fal', 'json', 'schema', `${name}_é`][a % 4]!);
  },
  'no newline at the end': (source) => source.trimEnd(),
  'a comment': (source, a) => {
    const [lines, at] = lineAt(source, a);
    return lines.toSpliced(at, 0, '# TODO(fal-import) """ \' {').join('\n');
  },
  'a character': (source, a, b) => {
    const at = a % (source.length + 1);
    return source.slice(0, at) + '()[]{}:,\'"\\\n\t #='[b % 16]! + source.slice(at);
  },
};

it.each([
  [runpodPlatform, 700],
  [modalPlatform, 700],
  [cogPlatform, 600],
])(
  'no mutation of a source makes the importer throw, or write Python that does not compile: %o',
  async (platform, runs) => {
    // One whose file is not there has nothing to mutate.
    const sources = fixtureNames(platform.name)
      .map((name) => ({ name, folder: fixture(name) }))
      .filter(({ folder }) => folder.files.has(platform.detect(folder, parser)[0] ?? ''));
    const checks: { input: string; output: string; what: string }[] = [];
    fc.assert(
      fc.property(
        fc.constantFrom(...sources),
        fc.array(fc.tuple(fc.constantFrom(...Object.keys(MUTATIONS)), fc.nat(4000), fc.nat(4000)), {
          minLength: 1,
          maxLength: 3,
        }),
        ({ name, folder }, mutations) => {
          const [entry] = platform.detect(folder, parser);
          let text = Buffer.from(folder.files.get(entry!)!).toString('utf8');
          for (const [kind, a, b] of mutations) text = MUTATIONS[kind]!(text, a, b);
          const changed = { ...folder, files: new Map([...folder.files, [entry!, Buffer.from(text)]]) };
          platform.detect(changed, parser);
          const app = platform.convert(changed, entry!, parser);
          expect(platform.convert(changed, entry!, parser)).toEqual(app);
          const { files, report } = app;
          expect(files.length === 0).toBe(report.levels.BLOCKED > 0);
          const written = files.find((file) => file.path === entry);
          if (!written) return;
          const what = `${name}: ${JSON.stringify(mutations)}`;
          checks.push({
            input: Buffer.from(text).toString('base64'),
            output: Buffer.from(written.content).toString('base64'),
            what,
          });
        },
      ),
      { numRuns: runs, seed: 2026, endOnFailure: true },
    );
    const run = spawnSync(await testPython(), [path.join(import.meta.dirname, 'testing/compiles.py')], {
      input: checks.flatMap(({ input, output }) => [input, output]).join('\n'),
      encoding: 'utf8',
      maxBuffer: 1 << 24,
    });
    expect(run.stderr).toBe('');
    const answers = run.stdout.trim().split('\n');
    const worse = checks.filter((_, index) => answers[2 * index] === '1' && answers[2 * index + 1] === '0');
    expect(worse.map(({ what, input }) => `${what}\n${Buffer.from(input, 'base64').toString()}`)).toEqual([]);
    // A source that Python refuses is refused here too, but for what needs a compiler to be seen.
    const missed = checks.filter((_, index) => answers[2 * index] === '0');
    expect(missed.length / checks.length).toBeLessThan(0.01);
    // Most of them are converted, or this would prove nothing.
    expect(answers.filter((answer, index) => index % 2 === 1 && answer === '1').length).toBeGreaterThan(200);
  },
  300_000,
);
