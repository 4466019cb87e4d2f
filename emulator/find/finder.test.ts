import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { Finder } from './finder.ts';
import { testFinder } from './testing/test-finder.ts';

let finder: Finder;
beforeAll(async () => {
  finder = await testFinder();
});

const find = (source: string) => finder.findInSource(source, 'app.py');
const only = (source: string) => {
  const found = find(source);
  expect(found).toHaveLength(1);
  return found[0]!;
};
const routes = (source: string) => only(source).endpoints.map((endpoint) => endpoint.path);

async function folder(): Promise<string> {
  const dir = await mkdtemp(path.join(tmpdir(), 'windtunnel-find-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

describe('line ranges', () => {
  it('include decorators and end with the last statement', () => {
    const app = only(
      [
        'import fal',
        '',
        '@keep',
        '@other(1)',
        'class A(fal.App):',
        '    @fal.endpoint("/")',
        '    def run(self):',
        '        return 1',
        '',
        '# after',
        'x = 1',
      ].join('\n'),
    );
    expect(app.lines).toEqual({ start: 3, end: 8 });
    expect(app.endpoints[0]?.lines).toEqual({ start: 6, end: 8 });
  });

  it.each([
    ['CRLF', '\r\n'],
    ['CR', '\r'],
  ])('count %s as one line break', (_, newline) => {
    const app = only(['\uFEFFimport fal', 'class A(fal.App):', '  machine_type = """S"""', ''].join(newline));
    expect(app.lines).toEqual({ start: 2, end: 3 });
    expect(app.settings.machineTypes).toEqual(['S']);
  });
});

describe('what is not plainly constant', () => {
  it.each([
    ['a call', 'machine_type = pick()'],
    ['a name from elsewhere', 'machine_type = GPU'],
    ['a comprehension', 'machine_type = [t for t in "ab"]'],
    ['a bytes literal', 'machine_type = b"S"'],
    ['a constant of the wrong kind', 'machine_type = 3'],
    ['a conversion in an f-string', 'machine_type = f"{1!r}"'],
  ])('%s is named, with the default as value', (_, line) => {
    const app = only(`import fal\nclass A(fal.App):\n  ${line}\n  keep_alive = 5\n`);
    expect(app.unresolved).toEqual(['machine_type']);
    expect(app.settings.machineTypes).toEqual(['S']);
    expect(app.settings.keepAlive).toBe(5);
  });

  it('a constant that an unknown branch changes', () => {
    const source = 'import fal, os\nGPU = "S"\nif os.name: GPU = "GPU-A100"\nclass A(fal.App):\n  machine_type = GPU\n';
    expect(only(source).unresolved).toEqual(['machine_type']);
  });

  it('a list that something unknown was appended to', () => {
    const source = 'import fal\nR = ["a"]\nR.append(who())\nclass A(fal.App):\n  requirements = R\n';
    expect(only(source).unresolved).toEqual(['requirements']);
  });

  it('an endpoint whose path is not constant is named, not guessed', () => {
    const app = only('import fal\nclass A(fal.App):\n  @fal.endpoint(PATH)\n  def run(self): ...\n');
    expect(app.endpoints).toEqual([]);
    expect(app.unresolved).toEqual(['endpoint run']);
  });

  it('a Dockerfile in a file of its own', () => {
    const app = only('import fal\nclass A(fal.App):\n  image = fal.ContainerImage.from_dockerfile("Dockerfile")\n');
    expect(app.settings).toMatchObject({ kind: 'container', image: { dockerfile_path: 'Dockerfile' } });
    expect(app.unresolved).toEqual(['image']);
  });

  it('a base from another file: an app by its endpoints', () => {
    const app = only(
      'import fal\nfrom shared import Base\nclass A(Base):\n  @fal.endpoint("/")\n  def run(self): ...\n',
    );
    expect(app.unresolved).toEqual(['bases (Base)']);
  });
});

describe('what is no app', () => {
  it.each([
    ['an empty file', ''],
    ['no fal', 'class A: ...'],
    ['another App', 'from flask import App\nimport fal\nclass A(App): ...'],
    ['a local class named App', 'import fal\nclass App: ...\nclass A(App): ...'],
    ['one inside a function', 'import fal\ndef make():\n  class A(fal.App): ...\n'],
    ['one in a string', 'import fal\nx = """\nclass A(fal.App): ...\n"""'],
    ['one that was deleted', 'import fal\nclass A(fal.App): ...\ndel A\n'],
    [
      'one for type checkers only',
      'from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n  import fal\n  class A(fal.App): ...\n',
    ],
    ['an undecorated function', 'import fal\ndef f(): ...'],
  ])('%s', (_, source) => expect(find(source)).toEqual([]));
});

describe('half-typed files', () => {
  const HEAD = 'import fal\nclass A(fal.App):\n  machine_type = "M"\n';
  const TAIL = '  @fal.endpoint("/")\n  def run(self):\n    return 1\n';

  it.each([
    ['an open list', `${HEAD}  requirements = ["a",\n${TAIL}`],
    ['an open call', `${HEAD}  x = f(1, g(\n\n${TAIL}`],
    ['an open string', `${HEAD}  app_name = "x\n${TAIL}`],
    ['no right side', `${HEAD}  keep_alive =\n${TAIL}`],
    ['a trailing dot', `${HEAD}  keep_alive = fal.\n${TAIL}`],
    ['a trailing operator', `${HEAD}  keep_alive = 1 +\n${TAIL}`],
    ['a stray bracket', `${HEAD}  keep_alive = 1)\n${TAIL}`],
    ['an open method above', `${HEAD}  def other(self, a\n${TAIL}`],
    ['an unfinished body below', `${HEAD}${TAIL}  def more(self):\n    x = f(\n`],
    ['an unfinished class after', `${HEAD}${TAIL}\nclass \n`],
    ['an open class header', `import fal\nclass A(fal.App\n  machine_type = "M"\n${TAIL}`],
    ['a header without colon', `import fal\nclass A(fal.App)\n  machine_type = "M"\n${TAIL}`],
  ])('%s', (_, source) => {
    const app = find(source).find((candidate) => candidate.symbol === 'A');
    expect(app?.settings.machineTypes).toEqual(['M']);
    expect(app?.endpoints.map((endpoint) => endpoint.path)).toEqual(['/']);
  });

  it('a bare decorator is a function already', () => {
    expect(only('import fal\n@fal.function\ndef f(): ...\n').kind).toBe('function');
  });

  it('a class that was only begun', () => expect(only('import fal\nclass A(fal.App):').name).toBe('a'));

  it('the app that follows a broken one is whole', () => {
    const found = find(`${HEAD}  requirements = ["a", {"b": (1\n\nclass B(fal.App):\n  keep_alive = 3\n`);
    expect(found.map((app) => [app.symbol, app.settings.keepAlive])).toEqual([
      ['A', null],
      ['B', 3],
    ]);
  });
});

describe('files', () => {
  it.each([
    [
      'latin-1 as declared',
      Buffer.from('# coding: latin-1\nimport fal\nclass A(fal.App, name="caf\xe9"): ...\n', 'latin1'),
      'café',
    ],
    ['a BOM', Buffer.from('\uFEFFimport fal\nclass A(fal.App, name="b"): ...\n'), 'b'],
    ['broken UTF-8', Buffer.from('# \xff\xfe\nimport fal\nclass A(fal.App, name="c"): ...\n', 'latin1'), 'c'],
    [
      'a codec nobody knows',
      Buffer.from('# -*- coding: rot-14 -*-\nimport fal\nclass A(fal.App, name="d"): ...\n'),
      'd',
    ],
  ])('%s', async (_, bytes, name) => {
    const file = path.join(await folder(), 'a.py');
    await writeFile(file, bytes);
    expect((await finder.findInFile(file)).map((app) => app.name)).toEqual([name]);
  });

  it('5 MB', () => {
    const filler = `DATA = [\n${'  "0123456789abcdef", # fal\n'.repeat(190_000)}]\n`;
    expect(filler.length).toBeGreaterThan(5_000_000);
    expect(routes(`import fal\n${filler}class A(fal.App):\n  @fal.endpoint("/x")\n  def x(self): ...\n`)).toEqual([
      '/x',
    ]);
  });

  it('one that is not there', async () => {
    await expect(finder.findInFile('/nowhere/app.py')).rejects.toMatchObject({ code: 'E_FILE_UNREADABLE' });
  });
});

describe('any text', () => {
  const FIXTURES = path.join(import.meta.dirname, 'fixtures');
  const sources = readdirSync(FIXTURES).map((name) => readFileSync(path.join(FIXTURES, name), 'utf8'));
  const edit = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    cut: fc.nat(40),
    insert: fc.oneof(
      fc.constantFrom('(', ')', '"', "'''", '[', '{', '\\', '\n', '\r\n', '\0', '@', 'class ', ' = ', '*', '#'),
      fc.string({ maxLength: 6, unit: 'binary' }),
    ),
  });

  it('never throws on a mutated source, and what it finds lies inside the file', () => {
    fc.assert(
      fc.property(fc.constantFrom(...sources), fc.array(edit, { minLength: 1, maxLength: 6 }), (source, edits) => {
        let text = source;
        for (const { at, cut, insert } of edits) {
          const position = Math.floor(at * text.length);
          text = text.slice(0, position) + insert + text.slice(position + cut);
        }
        const rows = text.split(/\r\n|\r|\n/).length;
        for (const app of find(text)) {
          expect(app.symbol).not.toBe('');
          expect(app.lines.start).toBeGreaterThanOrEqual(1);
          expect(app.lines.end).toBeGreaterThanOrEqual(app.lines.start);
          expect(app.lines.end).toBeLessThanOrEqual(rows);
        }
      }),
      { numRuns: 400 },
    );
  });

  it.each([
    ['deep brackets', `import fal\nx = ${'('.repeat(20_000)}1${')'.repeat(20_000)}\nclass A(fal.App): ...\n`],
    ['a long sum', `import fal\nx = ${'1 + '.repeat(20_000)}1\nclass A(fal.App):\n  keep_alive = x\n`],
    [
      'deep blocks',
      `import fal\n${Array.from({ length: 300 }, (_, i) => `${' '.repeat(i)}if x:\n`).join('')}${' '.repeat(300)}pass\nclass A(fal.App): ...\n`,
    ],
  ])('survives %s', (_, source) => expect(find(source).map((app) => app.symbol)).toContain('A'));
});
