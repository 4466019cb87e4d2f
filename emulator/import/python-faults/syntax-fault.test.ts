import { beforeAll, expect, it } from 'vitest';
import type { PythonParser } from '../syntax.ts';
import { compiles } from '../testing/compiles.ts';
import { testParser } from '../testing/test-parser.ts';
import { type SyntaxFault, syntaxFault } from './syntax-fault.ts';

let parser: PythonParser;
beforeAll(async () => {
  parser = await testParser();
});

const faultOf = (source: string): SyntaxFault | null => parser.withTree(source, (root) => syntaxFault(root, source));

// One of each class that the grammar takes and Python does not; the fault stands in the last line, unless it says so.
const FAULTS = [
  'print "x"',
  'exec "x"',
  'if a <> b: pass',
  'x = 0777',
  'x = 1__0',
  'x = 10L',
  'x = ur"a"',
  'x = b"é"',
  'x = "\\x1"',
  'x = "\\u12"',
  'x = "a" b"b"',
  'x = "\nb"',
  "x = f'{a}\nb'",
  "x = f'{a} \n{b}'",
  'x = f"}"',
  'x = f"{a!x}"',
  'x = *a',
  'x = (**a)',
  'f(***a)',
  'x = y := 1',
  'f(a=b := 1)',
  'f(a=1, a=2)',
  'f(a=1, b)',
  'f(**a, *b)',
  'f(,)',
  'x = {,}',
  'def f(a, a): pass',
  'def f(a=1, b): pass',
  'def f(*): pass',
  'def f(**a, b): pass',
  'def f((a, b)): pass',
  'def f(/, a): pass',
  'x = lambda a=1, b: a',
  'return 1',
  'def f():\n  await x',
  'await x',
  'def f():\n  async with x: pass',
  'class A:\n  yield 1',
  'break',
  'for x in y: pass\nelse: continue',
  'x = [(yield) for x in y]',
  'def f():\n  x = [yield]',
  'async def f():\n  yield from x',
  'async def f():\n  yield 1\n  return 1',
  'from a import b,',
  'from a import b.c',
  'import a,',
  'import os\nfrom __future__ import annotations',
  'from __future__ import braces',
  'def f():\n  from a import *',
  'raise a, b',
  'assert a, b, c',
  'try: pass',
  'try: pass\nexcept: pass\nexcept A: pass',
  'try: pass\nexcept A, b: pass',
  'def f():\n  try: pass\n  except* A: return',
  'for x in y:\n  try: pass\n  except* A: break',
  '*a = b',
  'a, *b, *c = d',
  'a, b: int',
  'a = b: int',
  'a = b += 1',
  'a, b += 1',
  'del f()',
  'with a as f(): pass',
  'x = (a as b)',
  '[x for x in a, b]',
  '[x for x in lambda: a]',
  '[*x for x in y]',
  'nonlocal x',
  'def f(x):\n  global x',
  'def f():\n  x = 1\n  global x',
  'def f():\n  nonlocal x',
  'match x:\n  case y: pass\n  case 1: pass',
  'match x:\n  case [a, a]: pass',
  'if x:\n  a = 1\n b = 2',
  'if x:\n  a = 1\n    b = 2',
  'if x:\n        a = 1\n\tb = 2',
  ' a = 1',
  'if x:\n\na = 1',
  'def f(a\n: pass',
  'x = 1\u00a0+ 2',
  'x = None = 1',
  '__debug__ = 1',
  'x = a := b if c else d',
  'x = (a if b := c else d)',
  'x = (a if b else c := d)',
];

// What comes near to one of those, and is Python.
const SOUND = [
  'x = "a\\\nb" r"a\\\nb" \'\\\n\'',
  'x = """\nb""" f"""{a}\nb"""',
  'x = *a, b',
  '(a) = (b) = 1',
  '(a): int = 1',
  'x: int = *a, b',
  'f(*a, b=1, *c, **d)',
  'def f(a, /, b=1, *c, d, e=2, **g): pass',
  'def f(*, a): return (yield)',
  'async def f():\n  return (await a) + [await b async for b in c if await b]',
  'def f():\n  return (await x for x in y)',
  'def f():\n  x = 1\n  def g():\n    nonlocal x\n    x += 1',
  'def f():\n  while a:\n    try: continue\n    finally: pass\n  else: return',
  'for x in y:\n  for z in x: pass\n  else: break',
  'with (open(a) as b, open(c) as d): pass',
  'if (a := 1) and [b := 2, b]: f(c := 3)',
  'match x:\n  case [a, *b] | {"a": a, **b}: pass\n  case A(1, b=2) as c if c: pass\n  case _: pass',
  'print(f"{a!r:>{b}} {{}} {c=}" f"", "\\x41\\N{EM DASH}", rb"\\x", b"\\u")',
  'x = [0, 00, 0x_f, 0o17, 0b1, 1_0.0_1e1_0, 1j, .5, 1.]',
  'if x:\n  a = 1\n   # a comment\nelse: b = 1; c = 2;',
  'if x:\n\ta = 1\n\tif y:\n\t  b = 2',
  'x = a if b else lambda: c if d else e',
  'if (a := b if c else d) and f(e := g if h else i): pass',
  'x = a[1:2, ::3, ...]',
  'args = *args, *kwargs.values()',
  '"""A docstring."""\nfrom __future__ import annotations\nimport a, b.c as d',
  'x = a \\\n    + b\n@c\n@d.e(1)\nclass F(G, h=1): pass',
  'if x:\n  a = 1  # a \\\n  b = 2\n# not \\\nif y:\n  pass',
  'try: pass\nexcept (A, B) as e: raise C from e\nelse: pass\nfinally: pass',
];

it('refuses with its line what Python refuses, and nothing else', async () => {
  const verdicts = await compiles([...FAULTS, ...SOUND].map((text) => Buffer.from(text)));
  // Python itself is the judge of the two lists.
  expect(FAULTS.filter((_, index) => verdicts[index])).toEqual([]);
  expect(SOUND.filter((_, index) => !verdicts[FAULTS.length + index])).toEqual([]);
  expect(FAULTS.filter((source) => faultOf(source) === null)).toEqual([]);
  expect(SOUND.map((source) => ({ source, fault: faultOf(source) })).filter(({ fault }) => fault)).toEqual([]);
});

it.each([
  ['a = 1\nprint "x"', { line: 2, what: '«print» without parentheses is Python 2' }],
  [
    'def f(a, b):\n    pass\n\nf(\n    a=1,\n    b)\n',
    { line: 4, what: 'an argument without a name follows one with a name' },
  ],
  ['def f():\n    a = 1\n  b = 2\n', { line: 3, what: 'the indentation is that of no block around it' }],
  ['a = 1\rb = 2', { line: 1, what: 'a line ends with a carriage return alone' }],
  ['def f():\n', { line: 1, what: 'a block is missing after «:»' }],
])('says where and what: %j', (source, fault) => {
  expect(faultOf(source)).toEqual(fault);
});
