import type { Edit } from '../edits.ts';
import type { PlannedStatement } from '../module-plan.ts';
import { lineEnd, lineStart } from '../move-statements.ts';
import type { SyntaxNode } from '../syntax.ts';
import { isAsync, methods, type Predictor } from './predictor.ts';
import { attributes, CONVERTED, endpoints, type PredictorApp } from './predictor-code.ts';

/** How Cog finds the weights that it gives to `setup`. */
const WEIGHTS = 'os.environ.get("COG_WEIGHTS") or ("weights" if os.path.exists("weights") else None)';

/** Whether lines can be put into the predictor's own `setup`. */
export function setupFits(predictor: Predictor): boolean {
  const own = ownSetup(predictor);
  if (!own) return true;
  const block = own.childForFieldName('body')!;
  return block.startPosition.row > own.childForFieldName('parameters')!.endPosition.row;
}

const ownSetup = ({ node }: Predictor): SyntaxNode | undefined =>
  methods(node).find((method) => method.childForFieldName('name')?.text === 'setup');

/** The name of the second parameter of `setup`, through which Cog gives weights. */
function weightsName({ setup }: Predictor): string | null {
  const second = setup?.childForFieldName('parameters')?.namedChildren.filter(({ type }) => type !== 'comment')[1];
  return second ? (second.childForFieldName('name') ?? second.namedChildren[0] ?? second).text : null;
}

/** Attributes, `setup` and endpoints, put into the class of the predictor. */
export function bodyEdits(predictor: Predictor, app: PredictorApp, prepare: string | null, source: string): Edit[] {
  const block = predictor.node.childForFieldName('body')!;
  const first = block.namedChildren[0]!;
  const doc = first.type === 'expression_statement' && first.namedChildren[0]?.type === 'string';
  const pad = source.slice(lineStart(source, first.startIndex), first.startIndex);
  const indent = (lines: readonly string[]): string => reindent(lines, /^[ \t]*$/.test(pad) ? pad : '    ');
  const top = [`    # ${CONVERTED}`, ...attributes(app)];
  const bottom: string[] = [];
  const edits: Edit[] = [];
  const own = ownSetup(predictor);
  const weights = weightsName(predictor);
  if (own) {
    const parameters = own.childForFieldName('parameters')!;
    const self = parameters.namedChildren.find(({ type }) => type !== 'comment')?.text ?? 'self';
    if (weights !== null) edits.push({ start: parameters.startIndex, end: parameters.endIndex, text: `(${self})` });
    const body = own.childForFieldName('body')!;
    const statements = body.namedChildren.filter(({ type }) => type !== 'comment');
    const text = statements[0]?.type === 'expression_statement' && statements[0].namedChildren[0]?.type === 'string';
    const inner = source.slice(lineStart(source, statements[0]!.startIndex), statements[0]!.startIndex);
    const lines = [
      ...(prepare === null ? [] : [`${prepare}()`]),
      ...(weights === null ? [] : [`${weights} = ${WEIGHTS}`]),
    ];
    const at = text ? lineEnd(source, statements[0]!.endIndex) : lineStart(source, body.startIndex);
    const joined = lines.map((line) => `${inner}${line}\n`).join('');
    // A docstring may be the last thing in the file, without a line end.
    if (lines.length > 0) edits.push({ start: at, end: at, text: `${source[at - 1] === '\n' ? '' : '\n'}${joined}` });
  } else if (prepare !== null || weights !== null) {
    const later = predictor.setup !== null;
    const asynchronous = later && isAsync(predictor.setup!);
    bottom.push(`    ${asynchronous ? 'async ' : ''}def setup(self):`);
    if (prepare !== null) bottom.push(`        ${prepare}()`);
    if (later) bottom.push(`        ${asynchronous ? 'await ' : ''}super().setup(${weights === null ? '' : WEIGHTS})`);
    bottom.push('');
  }
  const start = doc ? lineEnd(source, first.endIndex) : lineStart(source, block.startIndex);
  const before = source[start - 1] === '\n' ? '' : '\n';
  const after = /^[ \t]*\n/.test(source.slice(start)) ? '\n' : '\n\n';
  edits.push({ start, end: start, text: `${before}${doc ? '\n' : ''}${indent(top)}${after}` });
  const end = lineEnd(source, block.endIndex);
  edits.push({
    start: end,
    end,
    text: `${source[end - 1] === '\n' ? '' : '\n'}\n${indent([...bottom, ...endpoints(app)])}\n`,
  });
  return edits;
}

/** Lines that are indented by fours, in the indentation of a class. */
function reindent(lines: readonly string[], pad: string): string {
  const step = pad.includes('\t') ? '\t' : pad;
  return lines
    .map((line) => {
      const depth = /^ */.exec(line)![0].length;
      return line === '' ? '' : `${step.repeat(Math.floor(depth / 4))}${' '.repeat(depth % 4)}${line.slice(depth)}`;
    })
    .join('\n');
}

/** An app beside what it calls: a function, or a predictor whose class stays as it is. */
export function outerApp(app: PredictorApp, predictor: Predictor, prepare: string | null): string[] {
  const lines = [`class ${app.className}(fal.App):`, `    """${CONVERTED}"""`, '', ...attributes(app), ''];
  const setup: string[] = [];
  if (prepare !== null) setup.push(`        ${prepare}()`);
  const asynchronous = predictor.setup !== null && isAsync(predictor.setup);
  if (predictor.kind === 'class') {
    setup.push(`        self.predictor = ${predictor.name}()`);
    const given = weightsName(predictor) === null ? '' : WEIGHTS;
    if (predictor.setup) setup.push(`        ${asynchronous ? 'await ' : ''}self.predictor.setup(${given})`);
  }
  if (setup.length > 0) lines.push(`    ${asynchronous ? 'async ' : ''}def setup(self):`, ...setup, '');
  return [...lines, ...endpoints(app)];
}

const MODULES = ['asyncio', 'json', 'mimetypes', 'os', 'pathlib', 'sys', 'tempfile', 'typing', 'urllib.parse'];

/** Import lines that the written code needs beside those that the file keeps. */
export function neededImports(code: string, plan: readonly PlannedStatement[]): string[] {
  const there = new Set(
    plan.flatMap(({ node, fate }) => (fate === 'kept' ? (/^import ([\w.]+)$/.exec(node.text)?.[1] ?? []) : [])),
  );
  const wants = (name: string): boolean => new RegExp(`(^|[^.\\w])${name.replace('.', '\\.')}\\.`, 'm').test(code);
  const standard = MODULES.filter((name) => wants(name) && !there.has(name)).map((name) => `import ${name}`);
  if (standard.length > 0 || plan.some(({ node, fate }) => fate === 'kept' && /^import/.test(node.type)))
    standard.push('');
  return [
    ...standard,
    'import fal',
    ...(wants('fal.toolkit') ? ['import fal.toolkit'] : []),
    ...(wants('fastapi.encoders') ? ['import fastapi.encoders'] : []),
    ...(wants('fastapi.responses') ? ['import fastapi.responses'] : wants('fastapi') ? ['import fastapi'] : []),
    'import pydantic',
  ];
}
