import fc from 'fast-check';
import { beforeAll, expect, it } from 'vitest';
import { WindtunnelError } from '../contract/index.ts';
import { cogPlatform } from './cog/cog-platform.ts';
import { importApp } from './import-app.ts';
import { modalPlatform } from './modal/modal-platform.ts';
import type { ImportedApp, PlatformName, SourceFolder } from './platform.ts';
import { NOT_UNDERSTOOD } from './python-faults/syntax-fault.ts';
import { planReimport } from './reimport.ts';
import { runpodPlatform } from './runpod/runpod-platform.ts';
import type { PythonParser } from './syntax.ts';
import { compiles } from './testing/compiles.ts';
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
  'another order of arguments': (source, a) => {
    const calls = [...source.matchAll(/\(([^()\n]+(?:, [^()\n]+)+)\)/g)];
    const call = calls[a % Math.max(1, calls.length)];
    if (!call) return source;
    const [first = '', ...rest] = call[1]!.split(', ');
    return `${source.slice(0, call.index)}(${[...rest, first].join(', ')})${source.slice(call.index + call[0].length)}`;
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

/** The seed of the generated mutations; WINDTUNNEL_TEST_SEED names another. */
const seed = Number(process.env.WINDTUNNEL_TEST_SEED ?? 2026);

const WHY = ['no app any more', 'refused', 'not Python after all', 'converted'] as const;

it.each([
  [runpodPlatform, 700],
  [modalPlatform, 700],
  [cogPlatform, 600],
])(
  'no mutation of a source makes the importer throw, write what is not Python, or give another result the second time: %o',
  async (platform, runs) => {
    // One whose file is not there has nothing to mutate.
    const sources = fixtureNames(platform.name)
      .map((name) => ({ name, folder: fixture(name) }))
      .filter(({ folder }) => folder.files.has(platform.detect(folder, parser)[0] ?? ''));
    const written: { text: Uint8Array; what: string }[] = [];
    const refused: { text: Uint8Array; what: string }[] = [];
    const counts = Object.fromEntries(WHY.map((why) => [why, 0])) as Record<(typeof WHY)[number], number>;
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
          const what = `${name}: ${JSON.stringify(mutations)}`;
          const app = importOne(changed, platform.name, entry!);
          if (!app) {
            // What no longer looks like an app does not make the converter throw either.
            platform.convert(changed, entry!, parser);
            counts['no app any more']++;
            return;
          }
          const { files, report } = app;
          expect(files.length === 0).toBe(report.levels.BLOCKED > 0);
          for (const { code, reason } of report.findings.filter(({ level }) => level === 'BLOCKED')) {
            counts[code === 'F007' ? 'not Python after all' : 'refused']++;
            // Python takes old line ends, and comments left of a block that the grammar stumbles over.
            if (code === 'F001' && !reason.includes('carriage return') && !reason.includes(NOT_UNDERSTOOD))
              refused.push({ text: Buffer.from(text), what: `${what}\n${reason}` });
          }
          if (files.length === 0) return;
          counts.converted++;
          for (const { path: file, origin, content } of files) {
            if (origin === 'copied' || !file.endsWith('.py')) continue;
            written.push({ text: content, what: `${what}\n${file}` });
          }
          importsTheSame(changed, app);
        },
      ),
      { numRuns: runs, seed, endOnFailure: true },
    );
    const told = (list: typeof written, keep: boolean[]): string[] =>
      list.filter((_, index) => keep[index]).map(({ what, text }) => `${what}\n${Buffer.from(text).toString()}`);
    const good = await compiles(written.map(({ text }) => text));
    expect(
      told(
        written,
        good.map((is) => !is),
      ),
    ).toEqual([]);
    // Nor is anything refused as no Python that Python takes.
    expect(told(refused, await compiles(refused.map(({ text }) => text)))).toEqual([]);
    // Most of them are converted, or this would prove nothing.
    expect(counts.converted, JSON.stringify(counts)).toBeGreaterThan(200);
    expect(counts['not Python after all'], JSON.stringify(counts)).toBeLessThan(runs / 100);
  },
  600_000,
);

/** The app that starts in a file, as a user would import it; null when nothing there looks like one any more. */
function importOne(folder: SourceFolder, from: PlatformName | 'auto', entry: string): ImportedApp | null {
  try {
    return importApp(folder, { from, entry }, parser);
  } catch (error) {
    if (error instanceof WindtunnelError && error.code === 'E_IMPORT_NOTHING') return null;
    throw error;
  }
}

/** A second import gives the same bytes and rows, changes nothing where it was written, and leaves what it wrote alone. */
function importsTheSame(folder: SourceFolder, app: ImportedApp): void {
  const { platform, entry } = app.report;
  const second = importOne(folder, platform, entry)!;
  expect(second).toEqual(app);
  const there = new Map(app.files.map(({ path: file, content }) => [file, content]));
  const plan = planReimport(second.files, there, (file) => there.get(file) ?? null);
  expect(plan).toEqual(second.files.map(({ path: file }) => ({ path: file, action: 'keep', edited: false })));
  // By itself, and among the files that it came from.
  for (const files of [there, new Map([...folder.files, ...there])])
    expect(importOne({ ...folder, files }, 'auto', entry)?.files ?? []).toEqual([]);
}
