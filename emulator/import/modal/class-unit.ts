import type { Edit } from '../edits.ts';
import { hasEffect } from '../module-plan.ts';
import { lineEnd, lineStart, withComments } from '../move-statements.ts';
import { pythonString } from '../python-text.ts';
import { type SyntaxNode, walk } from '../syntax.ts';
import { bodyStart, definitionEdits, removeDecorator, removeStatement } from './definition-edits.ts';
import { isServer, planEndpoints } from './endpoints.ts';
import { knownTypes } from './known-types.ts';
import { type Method, methodsOf, type Parameter, parametersOf } from './methods.ts';
import type { Decorator } from './read-module.ts';
import { type Started, serverLines } from './server-unit.ts';
import { type Field, type KnownTypes, typeOf } from './signature.ts';
import type { UnitContext, UnitResult } from './unit-plan.ts';
import { argumentNames, endpointLines, indented, modelLines, settingPairs, usesToJson } from './write-app.ts';

// Long: a class is converted in place, so its edits belong together.

// What a fal.App is made of: a method of these names would take its place.
const RESERVED =
  /^(setup|teardown|health|handle_exit|openapi|lifespan|spawn|run_local|provide_hints|collect_routes|get_endpoints|build_metadata|current_request|get_health_check_config|get_billing_components|requirements|machine_type|image|app_name|app_auth|secrets|version)$/;

/** A class becomes the app itself: its methods stay, endpoints that call them are added. */
export function classUnit(context: UnitContext): UnitResult {
  const { unit, settings, image, appName, module, modules, file, text, ledger, free, helpers, standard, missing } =
    context;
  const result: UnitResult = { edits: [], tail: [], symbols: [], calls: new Map(), parameters: [] };
  const methods = methodsOf(unit, module);
  const served = methods.filter(({ role }) => role === 'method' || role === 'web');
  const servers = methods.filter(({ role }) => isServer(role));
  // `@modal.experimental.http_server` stands on the class: what its enter methods start serves.
  const marker = unit.decorators.find(({ path }) => path === 'web_server') ?? null;
  const isApp = served.length > 0 || (servers.length === 0 && marker === null);
  const { parameters, init } = parametersOf(unit, module);
  const indent = bodyIndent(unit.node, text);
  const inner = indent + (indent.startsWith('\t') ? '\t' : '    ');

  for (const decorator of unit.decorators)
    if (decorator.path !== null || missing(decorator.node)) result.edits.push(removeDecorator(decorator.node, text));
  result.edits.push(...definitionEdits(unit.node, text, file, missing, ledger));
  const renamed = isApp ? reservedNames(methods, context, result.edits) : new Map<string, string>();
  const nameOf = (method: Method): string => renamed.get(method.name) ?? method.name;

  const first: string[] = [];
  for (const method of methods.filter(({ inherited }) => !inherited)) {
    for (const decorator of method.decorators) {
      if (decorator.path !== null) {
        result.edits.push(removeDecorator(decorator.node, text));
        decoratorItems(decorator.given.keywords, context);
      } else if (missing(decorator.node)) {
        result.edits.push(removeDecorator(decorator.node, text));
        first.unshift(
          `type(self).${nameOf(method)} = ${decorator.node.namedChildren[0]!.text}(type(self).${nameOf(method)})`,
        );
      }
    }
  }
  first.push(...lateStatements(unit.node, parameters, context, result.edits));
  const asked = parameters.filter((parameter) => parameter.default === null);
  first.push(...parameterEdits(parameters, init, context, result.edits));

  const enters = methods.filter(({ role }) => role === 'enter');
  const exits = methods.filter(({ role }) => role === 'exit');
  enters.sort((a, b) => Number(b.snap) - Number(a.snap));
  for (const method of enters.filter(({ snap }) => snap)) {
    ledger.note('F775', 'CHECK', {
      source: { file, line: method.node.startPosition.row + 1 },
      text: method.marker?.node.text ?? method.name,
      reason: 'There are no memory snapshots at fal: it runs at each start, in setup().',
      next: 'min_concurrency, or weights under /data, make cold starts shorter.',
      anchor: { file, text: isApp ? 'def setup(' : `class ${unit.name}` },
    });
  }
  const preamble = [...context.preamble, ...first];
  if (!isApp) {
    serverOnly(context, result, [...servers, ...(marker ? [marker] : [])], enters, exits, preamble);
    return result;
  }

  const types = knownTypes(module, unit.outer.startIndex);
  const fields = asked.map((parameter) => parameterField(parameter, types));
  const endpoints = planEndpoints(served, (one) => `self.${renamed.get(one.name) ?? one.name}`, true, {
    file,
    module,
    modules,
    ledger,
    types,
    className: unit.name,
    free,
    stopsRunner: settings.stopsRunner,
    parameters: fields,
  });
  if (endpoints.some(usesToJson)) helpers.add('to_json');
  if (endpoints.some(({ kind }) => kind === 'stream')) standard.add('json');
  if (endpoints.some(({ uploads }) => uploads.size > 0)) helpers.add('upload');
  if (endpoints.some(({ signature }) => signature.fields.some(({ carried }) => carried === 'files')))
    helpers.add('read_files');
  for (const [index, endpoint] of endpoints.entries()) {
    const names = argumentNames(endpoint);
    result.calls.set(served[index]!.name, { path: endpoint.path, names });
  }
  if (served.length > 1) {
    ledger.note('F776', 'CHECK', {
      source: { file, line: unit.node.startPosition.row + 1 },
      text: unit.name,
      reason: `Each method has a path of its own: ${endpoints.map(({ path }) => path).join(', ')}. None is at "/".`,
      next: 'fal_client.subscribe(…, path="/…").',
      anchor: { file, text: `class ${unit.name}(` },
    });
  }

  // The models, before the class and its comments.
  const models = endpoints.flatMap((endpoint) => modelLines(endpoint, modules));
  const above = withComments(unit.outer, text);
  if (models.length > 0) result.edits.push({ start: above, end: above, text: `${models.join('\n')}\n` });
  const marks = [...settings.marks, ...image.marks];
  const head = lineStart(text, unit.outer.startIndex);
  if (marks.length > 0) result.edits.push({ start: head, end: head, text: `${marks.join('\n')}\n` });
  result.edits.push(baseEdit(unit.node, modules.fal));

  const body: string[] = [`app_name = ${pythonString(appName)}`];
  for (const [name, value] of settingPairs(settings, image, modules)) body.push(`${name} = ${value}`);
  const lines = body.flatMap((part) => indented(part, indent).split('\n'));

  const added: string[] = [];
  const starts = lifeCycle('setup', enters, preamble, asked.length > 0, context, result.edits, nameOf);
  if (starts) added.push('', ...starts.map((line) => shift(line, indent, inner)));
  if (asked.length > 0)
    added.push('', ...useParameters(fields, init !== null, enters, nameOf).map((line) => shift(line, indent, inner)));
  const ends = exits.length === 0 ? null : lifeCycle('teardown', exits, [], false, context, result.edits, nameOf);
  if (ends) added.push('', ...ends.map((line) => shift(line, indent, inner)));
  if (exits.length > 0) {
    ledger.note('F777', 'CHECK', {
      source: { file, line: exits[0]!.node.startPosition.row + 1 },
      text: exits[0]!.name,
      reason: 'teardown() has 5 s when a runner ends.',
      next: 'Set termination_grace_period_seconds if it takes longer.',
      anchor: { file, text: 'def teardown(' },
    });
  }
  for (const endpoint of endpoints) added.push('', ...endpointLines(endpoint, modules, indent));
  insertBody(unit.node, text, indent, lines, added, result.edits);
  result.parameters.push(...fields.map(({ name }) => name));
  result.symbols.push(unit.name);

  for (const server of [...servers, ...(marker ? [marker] : [])]) {
    const name = free(`${unit.name.toLowerCase()}${'name' in server ? `_${server.name}` : ''}_server`);
    const before = [
      `app = ${unit.name}(_allow_init=True)`,
      setupIsAsync(enters) ? 'asyncio.run(app.setup())' : 'app.setup()',
    ];
    if (setupIsAsync(enters)) standard.add('asyncio');
    const started = { ...startOf(server, nameOf), before, after: [] };
    result.tail.push(serverLines(name, started, context).join('\n'));
    result.symbols.push(name);
  }
  return result;
}

const setupIsAsync = (enters: readonly Method[]): boolean => enters.some(({ asynchronous }) => asynchronous);

function shift(line: string, indent: string, inner: string): string {
  if (line === '') return line;
  const depth = /^(?: {4})*/.exec(line)![0].length / 4;
  const unit = indent.startsWith('\t') ? '\t' : '    ';
  return indent + (depth === 0 ? '' : inner.slice(indent.length) + unit.repeat(depth - 1)) + line.slice(depth * 4);
}

/** How a method starts a server, or that the object's start has done it for a class that is marked itself. */
function startOf(server: Method | Decorator, nameOf: (method: Method) => string): Omit<Started, 'before' | 'after'> {
  if (!('role' in server)) return { target: null, role: 'server', marker: server, asynchronous: false };
  const { role, marker, asynchronous } = server;
  return { target: `app.${nameOf(server)}()`, role, marker, asynchronous };
}

/** A class that only serves web apps stays a plain class; a function makes it and serves. */
function serverOnly(
  context: UnitContext,
  result: UnitResult,
  servers: readonly (Method | Decorator)[],
  enters: readonly Method[],
  exits: readonly Method[],
  preamble: readonly string[],
): void {
  const { unit, free, standard } = context;
  for (const server of servers) {
    const name = free(
      servers.length === 1 || !('name' in server)
        ? `${unit.name.toLowerCase()}_server`
        : `${unit.name.toLowerCase()}_${server.name}_server`,
    );
    const before = [
      ...preamble.map((line) => line.replaceAll('type(self)', unit.name)).filter((line) => !line.startsWith('self.')),
      `app = ${unit.name}()`,
      ...preamble.filter((line) => line.startsWith('self.')).map((line) => line.replace('self.', 'app.')),
      ...enters.map((method) => (method.asynchronous ? `asyncio.run(app.${method.name}())` : `app.${method.name}()`)),
    ];
    if (setupIsAsync(enters)) standard.add('asyncio');
    const after = exits.map((method) => `app.${method.name}(${exitArguments(method)})`);
    const started = { ...startOf(server, (method) => method.name), before, after };
    result.tail.push(serverLines(name, started, context).join('\n'));
    result.symbols.push(name);
  }
}

function exitArguments(method: Method): string {
  const count =
    (method.node.childForFieldName('parameters')?.namedChildren ?? []).filter(({ type }) => !/comment|splat/.test(type))
      .length - 1;
  return Array.from({ length: Math.max(0, count) }, () => 'None').join(', ');
}

/** Renames methods that would take the place of the app's own; their paths keep the old names. */
function reservedNames(methods: readonly Method[], context: UnitContext, edits: Edit[]): Map<string, string> {
  const { unit, free } = context;
  const renamed = new Map<string, string>();
  const single = (role: string) => methods.filter((method) => method.role === role && !method.inherited);
  for (const method of methods) {
    if (!RESERVED.test(method.name) || method.inherited) continue;
    const fits =
      (method.name === 'setup' && method.role === 'enter' && single('enter').length === 1) ||
      (method.name === 'teardown' && method.role === 'exit' && single('exit').length === 1);
    if (fits) continue;
    renamed.set(method.name, free(`${method.name}_method`));
  }
  for (const [old, name] of renamed) renameUses(unit.node, old, name, edits);
  return renamed;
}

function renameUses(definition: SyntaxNode, old: string, name: string, edits: Edit[]): void {
  for (const node of walk(definition)) {
    if (node.type !== 'identifier' || node.text !== old) continue;
    const { parent } = node;
    const own =
      (parent?.type === 'function_definition' &&
        parent.childForFieldName('name')?.id === node.id &&
        classOf(parent)?.id === definition.id) ||
      (parent?.type === 'attribute' &&
        parent.childForFieldName('attribute')?.id === node.id &&
        parent.childForFieldName('object')?.text === 'self');
    if (own) edits.push({ start: node.startIndex, end: node.endIndex, text: name });
  }
}

function classOf(node: SyntaxNode): SyntaxNode | null {
  for (let at = node.parent; at; at = at.parent) if (at.type === 'class_definition') return at;
  return null;
}

function decoratorItems(
  keywords: readonly { name: string; value: SyntaxNode; node: SyntaxNode }[],
  { ledger, file }: UnitContext,
): void {
  for (const { name, value, node } of keywords) {
    ledger.item('option', { file, line: node.startPosition.row + 1 }, `${name}=${value.text}`, 'mapped');
  }
}

/** Statements of the class's body that must wait: done in setup, on the class. */
function lateStatements(
  definition: SyntaxNode,
  parameters: readonly Parameter[],
  context: UnitContext,
  edits: Edit[],
): string[] {
  const { text, missing, ledger, file } = context;
  const lines: string[] = [];
  for (const statement of definition.childForFieldName('body')?.namedChildren ?? []) {
    if (statement.type !== 'expression_statement' && !/^import/.test(statement.type)) continue;
    if (parameters.some((parameter) => parameter.statement?.id === statement.id)) continue;
    const child = statement.namedChildren[0];
    const annotation = child?.type === 'assignment' ? child.childForFieldName('type') : null;
    const right = child?.type === 'assignment' ? child.childForFieldName('right') : null;
    if (annotation && missing(annotation))
      edits.push({ start: annotation.startIndex, end: annotation.endIndex, text: JSON.stringify(annotation.text) });
    const waits = right ? missing(right) || hasEffect(right) : child?.type === 'call';
    if (!waits || !child) continue;
    const left = right ? child.childForFieldName('left') : null;
    if (left && left.type !== 'identifier') continue;
    edits.push(removeStatement(statement, text));
    lines.push(left ? `type(self).${left.text} = ${right!.text}` : child.text);
    ledger.note('F778', 'OK', {
      source: { file, line: statement.startPosition.row + 1 },
      text: statement.text,
      reason: 'It needs the runner, so setup() does it.',
    });
  }
  return lines;
}

function parameterField({ name, node, statement }: Parameter, types: KnownTypes): Field {
  const line = node.startPosition.row + 1;
  const annotation = (node.childForFieldName('type') ?? null)?.namedChildren[0] ?? null;
  const read = annotation ? typeOf(annotation, types) : null;
  const type = read?.carried === 'json' ? read.type : 'Any';
  const lost = annotation && type === 'Any' && !statement ? annotation.text : null;
  return { name, type, default: null, omit: false, carried: 'json', lost, made: null, line, positional: false };
}

function parameterEdits(
  parameters: readonly Parameter[],
  init: SyntaxNode | null,
  context: UnitContext,
  edits: Edit[],
): string[] {
  const { ledger, file, unit } = context;
  const lines: string[] = [];
  for (const { name, node, statement, default: value, annotation } of parameters) {
    if (statement) {
      const typed = annotation === null ? '' : `: ${annotation}`;
      const replaced = value ? `${name}${typed} = ${value.text}` : typed === '' ? `${name} = None` : `${name}${typed}`;
      // A comment in brackets around the call stays there.
      const right = node.childForFieldName('right');
      const bracketed = value && right?.type === 'parenthesized_expression' ? value.parent?.parent?.parent : null;
      const { start, text } =
        bracketed?.type === 'call' ? { start: bracketed, text: value!.text } : { start: node, text: replaced };
      edits.push({ start: start.startIndex, end: start.endIndex, text });
    }
    ledger.item('option', { file, line: node.startPosition.row + 1 }, node.text, 'reported');
    ledger.note(value ? 'F779' : 'F780', 'CHECK', {
      source: { file, line: node.startPosition.row + 1 },
      text: node.text,
      reason: value
        ? `Modal keeps containers for each value of ${name}; the app at fal has the default alone.`
        : `Modal keeps containers for each value of ${name}; here each request brings it, and the object is made anew when it changes.`,
      next: value
        ? `Deploy the app again, under another name, for other values of ${name}.`
        : 'Deploy an app for each value if they change often.',
      anchor: { file, text: `class ${unit.name}(` },
    });
  }
  if (init) {
    const name = init.childForFieldName('name')!;
    edits.push({ start: name.startIndex, end: name.endIndex, text: 'initialize' });
    if (parameters.every((parameter) => parameter.default !== null)) lines.push('self.initialize()');
    ledger.note('F781', 'OK', {
      source: { file, line: name.startPosition.row + 1 },
      text: 'def __init__',
      reason: 'A fal.App makes its own objects: what __init__ did is done by initialize().',
    });
  }
  return lines;
}

/** The method that sets the parameters of a request, and loads again when they changed. */
function useParameters(
  fields: readonly Field[],
  init: boolean,
  enters: readonly Method[],
  nameOf: (method: Method) => string,
): string[] {
  const names = fields.map(({ name }) => name);
  const values = `(${names.join(', ')}${names.length === 1 ? ',' : ''})`;
  return [
    `def use_parameters(self, ${names.join(', ')}):`,
    '    """The object of these parameters: the last one stays loaded."""',
    `    if getattr(self, "loaded_for", None) == ${values}:`,
    '        return',
    ...(init
      ? [`    self.initialize(${names.map((name) => `${name}=${name}`).join(', ')})`]
      : names.map((name) => `    self.${name} = ${name}`)),
    ...enters.map((method) =>
      method.asynchronous ? `    asyncio.run(self.${nameOf(method)}())` : `    self.${nameOf(method)}()`,
    ),
    `    self.loaded_for = ${values}`,
  ];
}

/** `setup` or `teardown`: the one method that it was, renamed, or a new one that calls all. Lines of the new one, if any. */
function lifeCycle(
  name: 'setup' | 'teardown',
  methods: readonly Method[],
  preamble: readonly string[],
  onlyPreamble: boolean,
  { unit, text, standard }: UnitContext,
  edits: Edit[],
  nameOf: (method: Method) => string,
): string[] | null {
  const [only] = methods;
  if (onlyPreamble) {
    if (setupIsAsync(methods)) standard.add('asyncio');
    return preamble.length === 0 ? null : [`def ${name}(self):`, ...preamble.map((line) => `    ${line}`)];
  }
  if (methods.length === 0 && preamble.length === 0) return null;
  const start = only && !only.inherited ? bodyStart(only.node, text) : null;
  const takesSelfAlone = only ? exitArguments(only) === '' : false;
  if (methods.length === 1 && only && start && takesSelfAlone && !only.inherited && !usedElsewhere(unit.node, only)) {
    const identifier = only.node.childForFieldName('name')!;
    if (only.name !== name) edits.push({ start: identifier.startIndex, end: identifier.endIndex, text: name });
    if (preamble.length > 0)
      edits.push({ start: start.at, end: start.at, text: preamble.map((line) => `${start.indent}${line}\n`).join('') });
    return null;
  }
  const asynchronous = methods.some((method) => method.asynchronous);
  const calls = methods.map((method) => {
    const owner = method.inherited && method.name === name ? 'super()' : 'self';
    return `    ${method.asynchronous ? 'await ' : ''}${owner}.${nameOf(method)}(${exitArguments(method)})`;
  });
  return [`${asynchronous ? 'async ' : ''}def ${name}(self):`, ...preamble.map((line) => `    ${line}`), ...calls];
}

function usedElsewhere(definition: SyntaxNode, method: Method): boolean {
  if (/^__/.test(method.name)) return false;
  for (const node of walk(definition)) {
    if (
      node.type === 'attribute' &&
      node.childForFieldName('attribute')?.text === method.name &&
      node.childForFieldName('object')?.text === 'self'
    )
      return true;
  }
  return method.decorators.some(({ path }) => path === 'method');
}

function baseEdit(definition: SyntaxNode, fal: string): Edit {
  const bases = definition.childForFieldName('superclasses');
  const name = definition.childForFieldName('name')!;
  if (!bases) return { start: name.endIndex, end: name.endIndex, text: `(${fal}.App)` };
  const inside = bases.namedChildren.filter(({ type }) => type !== 'comment');
  const keywords = inside.filter(({ type }) => type === 'keyword_argument');
  const plain = inside.filter((node) => !keywords.includes(node) && node.text !== 'object');
  return {
    start: bases.startIndex,
    end: bases.endIndex,
    text: `(${[...plain.map(({ text }) => text), `${fal}.App`].join(', ')})`,
  };
}

function bodyIndent(definition: SyntaxNode, text: string): string {
  const first = definition.childForFieldName('body')?.namedChildren.find(({ type }) => type !== 'comment');
  if (!first) return '    ';
  const indent = text.slice(lineStart(text, first.startIndex), first.startIndex);
  return indent !== '' && indent.trim() === '' ? indent : '    ';
}

/** Puts the attributes behind the docstring, and the new methods at the end. */
function insertBody(
  definition: SyntaxNode,
  text: string,
  indent: string,
  head: readonly string[],
  tail: readonly string[],
  edits: Edit[],
): void {
  const body = definition.childForFieldName('body')!;
  const last = body.namedChildren.findLast(({ type }) => type !== 'comment') ?? body;
  const start = bodyStart(definition, text);
  if (!start) {
    edits.push({
      start: body.startIndex,
      end: body.endIndex,
      text: `\n${head.join('\n')}\n${indent}${body.text}\n${tail.join('\n')}`,
    });
    return;
  }
  const docstring = start.at > lineEnd(text, definition.childForFieldName('body')!.startIndex - 1);
  const blankBefore = docstring ? '\n' : '';
  const blankAfter = /^[ \t]*\n/.test(text.slice(start.at)) ? '' : '\n';
  edits.push({
    start: start.at,
    end: start.at,
    text: `${text[start.at - 1] === '\n' ? '' : '\n'}${blankBefore}${head.join('\n')}\n${blankAfter}`,
  });
  const end = lineEnd(text, last.endIndex);
  if (tail.length > 0)
    edits.push({ start: end, end, text: `${text[end - 1] === '\n' ? '' : '\n'}${tail.join('\n')}\n` });
}
