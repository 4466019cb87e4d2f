import { beforeAll, expect, test } from 'vitest';
import type { Finder } from '../finder.ts';
import { testFinder } from '../testing/test-finder.ts';

let finder: Finder;

beforeAll(async () => {
  finder = await testFinder();
});

const app = (body: string, top = ''): string =>
  `import fal\nfrom fastapi import Body\n${top}\n\nclass A(fal.App):\n${body.replaceAll(/^/gm, '    ')}\n    @fal.endpoint("/")\n    def run(self, input: In) -> Out: ...\n`;

const found = (source: string): string[] =>
  finder
    .checkSource(source)
    .map(({ check, message, range }) => `${range.start.line} ${check}: ${message.split(' ')[0]}`);

test('a good app has no findings; nor has a file without one', () => {
  const good = app(
    'machine_type = ["GPU-H100", "gpu-a100"]\nkeep_alive = 5\nmy_own = 1\nMODEL = "x"\nregions = None\ndef setup(self):\n    import torch\n',
  );
  expect(found(good)).toEqual([]);
  expect(found('import torch\n')).toEqual([]);
});

test.each([
  ['max_concurency = 4', 'fal.App has no attribute max_concurency: it sets nothing.', 'Did you mean max_concurrency?'],
  ['requirement = ["x"]', 'fal.App has no attribute requirement: it sets nothing.', 'Did you mean requirements?'],
  [
    'gpu = "A100"',
    'fal.App has no attribute gpu: it sets nothing.',
    'fal names the machine: machine_type = "GPU-H100", and num_gpus for several.',
  ],
  ['machine_type = "GPU-H10"', 'There is no machine type "GPU-H10".', 'Did you mean GPU-H100?'],
])('%s', (line, message, hint) => {
  expect(finder.checkSource(app(line))).toMatchObject([{ message, hint, range: { start: { line: 6 } } }]);
});

test.each(['models = []', 'request_count = 0', 'secret_sauce = 1', '_requirement = 1', 'image_size: int'])(
  '%s is the author’s own',
  (line) => expect(found(app(line))).toEqual([]),
);

test('a parameter that is no model is a query parameter, unless it says where it comes from', () => {
  const endpoint = (parameters: string): string[] =>
    found(app(`@fal.endpoint("/x/{id}")\ndef x(self, ${parameters}) -> dict: ...`)).map((line) => line.split(': ')[1]!);
  expect(endpoint('prompt: str, steps: int = 4')).toEqual(['prompt', 'steps']);
  expect(endpoint('seed: Optional[int] = None, mode: Literal["a", "b"] = "a", n: int | None = 1')).toEqual([
    'seed',
    'mode',
    'n',
  ]);
  expect(endpoint('anything, other=1')).toEqual(['anything', 'other']);
  expect(endpoint('id: str, request: Request, input: In, prompt: str = Body(embed=True)')).toEqual([]);
  expect(endpoint('text: Annotated[str, Body()], items: list[str], *, more: dict')).toEqual([]);
});

test('a heavy import runs at deploy wherever it stands at module level, but for type checkers', () => {
  const top =
    'import torch.nn as nn, os\ntry:\n    from diffusers import X\nexcept ImportError: pass\nif TYPE_CHECKING:\n    import jax\ndef f():\n    import vllm\n';
  expect(found(app('x = 1', top))).toEqual(['3 heavy-import: torch', '5 heavy-import: diffusers']);
});

test('a file that is being typed gives what can be read of it', () => {
  const typing =
    'import fal\nclass A(fal.App):\n    machine_type = "GPU-X"\n    @fal.endpoint("/")\n    def run(self, pro';
  expect(found(typing)).toEqual(['3 machine-type: There', '5 query-parameter: pro']);
});

test('of two endpoints with one path the second is never called', () => {
  expect(finder.checkSource(app('@fal.endpoint("/")\ndef first(self, input: In) -> Out: ...'))).toMatchObject([
    { check: 'duplicate-path', level: 'warning', message: 'run() is never called: first() has the path / already.' },
  ]);
});

test('an __init__ is refused, and becomes setup where there is none', () => {
  const [finding] = finder.checkSource(app('def __init__(self):\n    self.x = 1'));
  expect(finding).toMatchObject({ check: 'init-override', level: 'error', fix: { edits: [{ text: 'setup' }] } });
  const both = finder.checkSource(app('def setup(self): ...\ndef __init__(self): ...'));
  expect(both.map(({ fix }) => fix)).toEqual([undefined]);
});

test('annotations as text do not survive the pickle', () => {
  const [finding] = finder.checkSource(`from __future__ import annotations\n${app('x = 1')}`);
  expect(finding).toMatchObject({
    check: 'future-annotations',
    level: 'error',
    fix: { edits: [{ text: '', range: { start: { line: 1 }, end: { line: 2 } } }] },
  });
});

test('a slip has its right word as a fix, in a list of machines too', () => {
  const fixes = (line: string) => finder.checkSource(app(line)).map(({ fix }) => fix?.edits[0]?.text);
  expect(fixes('max_concurency = 4')).toEqual(['max_concurrency']);
  expect(fixes('machine_type = ["GPU-H100", "GPU-H10"]')).toEqual(['"GPU-H100"']);
  expect(fixes('gpu = "A100"')).toEqual([undefined]);
});

/** The source with the edits of its first fix made. */
function mended(source: string): string {
  const fix = finder.checkSource(source).find((finding) => finding.fix)?.fix;
  const lines = source.split('\n');
  const offset = ({ line, column }: { line: number; column: number }) =>
    lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0) + column;
  const edits = (fix?.edits ?? []).toSorted((a, b) => offset(b.range.start) - offset(a.range.start));
  return edits.reduce(
    (text, { range, text: put }) => text.slice(0, offset(range.start)) + put + text.slice(offset(range.end)),
    source,
  );
}

test('the fix of a query parameter takes it from the body, with its default and what has to be imported', () => {
  const source = app('@fal.endpoint("/x")\ndef x(self, prompt: str, steps: int = 4) -> dict: ...').replace(
    'from fastapi import Body\n',
    'from fastapi import Request\n',
  );
  const once = mended(source);
  expect(once).toMatch(/^from typing import Annotated\nfrom fastapi import Body\nimport fal\n/);
  expect(once).toContain('def x(self, prompt: Annotated[str, Body(embed=True)], steps: int = 4)');
  const twice = mended(once);
  expect(twice).toContain('steps: Annotated[int, Body(embed=True)] = 4)');
  expect(twice.match(/import Body/g)).toHaveLength(1);
  expect(found(twice)).toEqual([]);
});

test('the fix of a duplicate path gives it the path of its name, where that is free', () => {
  const endpoint = (path: string, name: string) =>
    `@fal.endpoint("${path}")\ndef ${name}(self, input: In) -> Out: ...\n`;
  expect(mended(app(endpoint('/a', 'first') + endpoint('/a', 'second')))).toContain(
    '@fal.endpoint("/second")\n    def second',
  );
  const [finding] = finder.checkSource(app(endpoint('/a', 'first') + endpoint('/b', 'third') + endpoint('/a', 'b')));
  expect(finding).toMatchObject({ check: 'duplicate-path' });
  expect(finding?.fix).toBeUndefined();
});

test('the fix of a heavy import puts it into the functions that use it, and is not given where that could change anything', () => {
  const body =
    'def setup(self):\n    """Loads."""\n    self.net = torch.nn.Linear(1, 1)\ndef other(self):\n    f(torch=1)';
  const source = mended(app(body, 'import torch\n'));
  expect(source).not.toMatch(/^import torch/m);
  expect(source).toContain('"""Loads."""\n        import torch\n        self.net');
  expect(source.match(/import torch/g)).toHaveLength(1);
  for (const kept of ['def run2(self, x: torch.Tensor): ...', 'device = torch.device("cpu")']) {
    const [finding] = finder.checkSource(app(kept, 'import torch\n'));
    expect(finding).toMatchObject({ check: 'heavy-import' });
    expect(finding?.fix).toBeUndefined();
  }
});
