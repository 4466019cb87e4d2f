import { type FoundApp, MACHINE_TYPE_NAMES } from '../../contract/index.ts';
import { didYouMean } from '../did-you-mean.ts';
import type { SyntaxNode } from '../python-parser.ts';
import { rangeOf, type SourceFinding, type SourceFix } from './finding.ts';
import { heavyImports } from './heavy-imports.ts';
import { queryParameters } from './query-parameters.ts';
import { APP_ATTRIBUTES, MISPLACED } from './sdk-attributes.ts';

/** What can be told of one file's text and the apps that were found in it, without running it. In source order. */
export function checkSource(root: SyntaxNode, apps: readonly FoundApp[]): SourceFinding[] {
  const findings = [...heavyImports(root), ...futureAnnotations(root)];
  for (const node of root.descendantsOfType('class_definition')) {
    if (!node) continue;
    const app = apps.find(({ kind, symbol, lines }) => kind === 'app' && symbol === nameOf(node) && holds(lines, node));
    if (!app) continue;
    const body = node.childForFieldName('body');
    if (!body) continue;
    findings.push(
      ...attributes(body),
      ...machines(app, body),
      ...queryParameters(body, app.endpoints),
      ...duplicatePaths(app, body),
      ...ownInit(body),
    );
  }
  return findings.sort(
    (a, b) => a.range.start.line - b.range.start.line || a.range.start.column - b.range.start.column,
  );
}

const nameOf = (node: SyntaxNode): string => node.childForFieldName('name')?.text ?? '';

const holds = (lines: { start: number; end: number }, node: SyntaxNode): boolean =>
  node.startPosition.row + 1 >= lines.start && node.startPosition.row + 1 <= lines.end;

/** `name = …` of a class body: its name's node and its value's. */
function assignments(body: SyntaxNode): { name: SyntaxNode; value: SyntaxNode | null }[] {
  return body.namedChildren.flatMap((statement) => {
    const node = statement.type === 'expression_statement' ? statement.namedChildren[0] : null;
    const name = node?.type === 'assignment' ? node.childForFieldName('left') : null;
    return name?.type === 'identifier' ? [{ name, value: node!.childForFieldName('right') }] : [];
  });
}

function attributes(body: SyntaxNode): SourceFinding[] {
  return assignments(body).flatMap(({ name, value }): SourceFinding[] => {
    const text = name.text;
    if (value === null || text.startsWith('_') || APP_ATTRIBUTES.includes(text)) return [];
    const misplaced = Object.hasOwn(MISPLACED, text) ? MISPLACED[text]! : null;
    const near = misplaced === null ? nearAttribute(text) : null;
    if (misplaced === null && near === null) return [];
    return [
      {
        check: 'attribute',
        level: 'warning',
        message: `fal.App has no attribute ${text}: it sets nothing.`,
        hint: misplaced ?? `Did you mean ${near}?`,
        range: rangeOf(name),
        ...(near === null ? {} : { fix: replaced(name, near) }),
      },
    ];
  });
}

/** A name that is one or two slips away from one of the SDK's; shorter names of one's own are left alone. */
function nearAttribute(text: string): string | null {
  if (text.length < 6 || text.toUpperCase() === text) return null;
  const near = didYouMean(text, APP_ATTRIBUTES);
  // `requests` is not `requirements`: the same start or the same end is what a slip leaves.
  return near !== null && (near.slice(0, 3) === text.slice(0, 3) || near.slice(-3) === text.slice(-3)) ? near : null;
}

function machines(app: FoundApp, body: SyntaxNode): SourceFinding[] {
  const known: readonly string[] = MACHINE_TYPE_NAMES;
  if (app.unresolved.includes('machine_type')) return [];
  const place = assignments(body).find(({ name }) => name.text === 'machine_type')?.value;
  const unknown = app.settings.machineTypes.filter((type) => !known.includes(type.toUpperCase()));
  return unknown.map((type) => {
    const near = didYouMean(type, known);
    const text = place && stringOf(place, type);
    return {
      check: 'machine-type',
      level: 'error',
      message: `There is no machine type ${JSON.stringify(type)}.`,
      hint: near === null ? `fal has ${known.join(', ')}.` : `Did you mean ${near}?`,
      range: rangeOf(text ?? place ?? body),
      ...(near !== null && text ? { fix: replaced(text, JSON.stringify(near)) } : {}),
    };
  });
}

/** The literal of that text in a value, which may be a list of them. */
function stringOf(value: SyntaxNode, text: string): SyntaxNode | null {
  const strings = value.type === 'string' ? [value] : value.descendantsOfType('string');
  return strings.find((node) => node?.text.slice(1, -1) === text) ?? null;
}

const replaced = (node: SyntaxNode, text: string): SourceFix => ({
  title: `Change to ${text}`,
  edits: [{ range: rangeOf(node), text }],
});

/** The SDK serves the first endpoint of a path and drops the others without a word. */
function duplicatePaths({ endpoints }: FoundApp, body: SyntaxNode): SourceFinding[] {
  const paths = new Set(endpoints.map(({ path }) => path));
  return endpoints.flatMap((endpoint, index): SourceFinding[] => {
    const first = endpoints.slice(0, index).find(({ path }) => path === endpoint.path);
    if (!first) return [];
    const line = endpoint.lines.start;
    const written = pathLiteral(body, endpoint);
    const free = `/${endpoint.method}`;
    const fix = written && !paths.has(free) ? { fix: replaced(written, JSON.stringify(free)) } : {};
    paths.add(free);
    return [
      {
        check: 'duplicate-path',
        level: 'warning',
        message: `${endpoint.method}() is never called: ${first.method}() has the path ${endpoint.path} already.`,
        hint: 'Give it a path of its own.',
        range: { start: { line, column: 0 }, end: { line: line + 1, column: 0 } },
        ...fix,
      },
    ];
  });
}

/** The path of an endpoint as its decorator has it. */
function pathLiteral(body: SyntaxNode, { method, path }: FoundApp['endpoints'][number]): SyntaxNode | null {
  const definition = body.namedChildren.find(
    (node) =>
      node?.type === 'decorated_definition' &&
      node.childForFieldName('definition')?.childForFieldName('name')?.text === method,
  );
  const decorators = definition?.namedChildren.filter((node) => node?.type === 'decorator') ?? [];
  return decorators.map((node) => (node ? stringOf(node, path) : null)).find((node) => node !== null) ?? null;
}

/** The SDK refuses such a class when the file is loaded. */
function ownInit(body: SyntaxNode): SourceFinding[] {
  const methods = body.namedChildren.flatMap((child) => {
    const name = child.type === 'function_definition' ? child.childForFieldName('name') : null;
    return name ? [name] : [];
  });
  const init = methods.find(({ text }) => text === '__init__');
  if (!init) return [];
  const hasSetup = methods.some(({ text }) => text === 'setup');
  return [
    {
      check: 'init-override',
      level: 'error',
      message: 'An app may not have an __init__ of its own: fal refuses the class.',
      hint: 'Do its work in setup(), which runs once for each runner.',
      range: rangeOf(init),
      ...(hasSetup ? {} : { fix: { title: 'Rename to setup', edits: [{ range: rangeOf(init), text: 'setup' }] } }),
    },
  ];
}

/** Under it annotations are text, and what they name does not go along when the app is pickled. */
function futureAnnotations(root: SyntaxNode): SourceFinding[] {
  return root.namedChildren.flatMap((node): SourceFinding[] => {
    if (node.type !== 'future_import_statement' || !/\bannotations\b/.test(node.text)) return [];
    const { startPosition: at } = node;
    const alone = /^from\s+__future__\s+import\s+annotations$/.test(node.text);
    const line = { start: { line: at.row + 1, column: 0 }, end: { line: at.row + 2, column: 0 } };
    return [
      {
        check: 'future-annotations',
        level: 'error',
        message: 'With this import the deployed app finds no model of its endpoints: fal fails when it reads them.',
        hint: 'Remove it; on Python 3.9 write Optional[X] for X | None.',
        range: rangeOf(node),
        ...(alone ? { fix: { title: 'Remove the import', edits: [{ range: line, text: '' }] } } : {}),
      },
    ];
  });
}
