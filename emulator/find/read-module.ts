import { type ClassModel, initSubclass, linearize } from './class-model.ts';
import { bindEndpoint, isFalFunction, readFalFunction } from './decorators.ts';
import { argumentsOf, combine, evaluate, onlyChild, resolve } from './evaluate.ts';
import type { FunctionModel } from './function-model.ts';
import { bindImport } from './imports.ts';
import type { SyntaxNode } from './python-parser.ts';
import { type Binding, Scope, UNKNOWN_BINDING } from './scope.ts';
import { type Maybe, truth, UNKNOWN, type Value } from './value.ts';

// Deeper than Python's own limit of 100 indentation levels.
const MAX_DEPTH = 150;

const BLOCKS = new Set([
  'block',
  'module',
  'ERROR',
  'else_clause',
  'finally_clause',
  'with_statement',
  'decorated_definition',
]);
const MUTATORS = new Set([
  'append',
  'extend',
  'insert',
  'remove',
  'pop',
  'clear',
  'sort',
  'reverse',
  'update',
  'setdefault',
]);

/** Reads a module's top level in order, as Python would run it, keeping constants and definitions. */
export function readModule(root: SyntaxNode): Scope {
  const scope = new Scope();
  statements(root, scope, 0);
  return scope;
}

function statements(node: SyntaxNode | null, scope: Scope, depth: number): void {
  if (!node || depth > MAX_DEPTH) return;
  for (const child of node.namedChildren) statement(child, scope, depth + 1);
}

function statement(node: SyntaxNode, scope: Scope, depth: number): void {
  switch (node.type) {
    case 'import_statement':
    case 'import_from_statement':
      bindImport(node, scope);
      break;
    case 'expression_statement':
      for (const child of node.namedChildren) expression(child, scope);
      break;
    case 'class_definition':
      defineClass(node, node, scope, depth);
      break;
    case 'function_definition':
      defineFunction(node, [], node, scope);
      break;
    case 'decorated_definition':
      decorated(node, scope, depth);
      break;
    case 'if_statement':
      conditional(node, scope, depth);
      break;
    case 'try_statement':
      attempt(node, scope, depth);
      break;
    case 'for_statement':
    case 'while_statement':
    case 'match_statement':
      // Zero, one or many rounds: what is assigned inside is known only if nothing changes.
      scope.fork([() => undefined, () => looped(node, scope, depth)]);
      break;
    case 'delete_statement':
      forget(node, scope);
      break;
    default:
      if (BLOCKS.has(node.type)) statements(node, scope, depth);
  }
}

function expression(node: SyntaxNode, scope: Scope): void {
  if (node.type === 'assignment') {
    const right = node.childForFieldName('right');
    if (!right) return;
    // `a = b = 1` nests to the right.
    if (right.type === 'assignment') expression(right, scope);
    const source = right.type === 'assignment' ? right.childForFieldName('left') : right;
    assign(node.childForFieldName('left'), evaluate(source, scope), scope, source);
  } else if (node.type === 'augmented_assignment') {
    const left = node.childForFieldName('left');
    if (left?.type !== 'identifier') return;
    const before = scope.lookup(left.text);
    const added = evaluate(node.childForFieldName('right'), scope);
    const operator = node.childForFieldName('operator')?.text.slice(0, -1);
    const known = before?.kind === 'value' && added !== UNKNOWN;
    scope.bindValue(left.text, known ? combine(before.value, operator, added) : UNKNOWN);
  } else if (node.type === 'call') {
    mutate(node, scope);
  }
}

function assign(target: SyntaxNode | null, value: Maybe<Value>, scope: Scope, source: SyntaxNode | null): void {
  if (!target) return;
  if (target.type === 'identifier') {
    // `Base = fal.App` and `cloud = fal` rename what is not a constant.
    const alias = value === UNKNOWN ? resolve(source, scope) : undefined;
    if (alias && alias.kind !== 'value') scope.bind(target.text, alias);
    else scope.bindValue(target.text, value);
  } else if (target.type === 'attribute') {
    assignAttribute(target, value, scope);
  } else if (target.type === 'subscript') {
    const name = target.childForFieldName('value');
    if (name?.type === 'identifier') scope.bind(name.text, UNKNOWN_BINDING);
  } else if (/^(pattern_list|tuple_pattern|list_pattern)$/.test(target.type)) {
    unpack(target, value, scope);
  }
}

function unpack(target: SyntaxNode, value: Maybe<Value>, scope: Scope): void {
  const targets = target.namedChildren.filter((child) => child.type !== 'comment');
  const items = Array.isArray(value) ? value : null;
  const star = targets.findIndex((child) => child.type === 'list_splat_pattern');
  const fits = items !== null && (star < 0 ? items.length === targets.length : items.length >= targets.length - 1);
  targets.forEach((child, i) => {
    if (!fits) assign(child.type === 'list_splat_pattern' ? onlyChild(child) : child, UNKNOWN, scope, null);
    else if (i === star) assign(onlyChild(child), items.slice(i, items.length - (targets.length - 1 - i)), scope, null);
    else assign(child, items[star >= 0 && i > star ? items.length - (targets.length - i) : i]!, scope, null);
  });
}

/** `MyApp.machine_type = …` after the class: the SDK reads a few attributes late, all others at class creation. */
function assignAttribute(target: SyntaxNode, value: Maybe<Value>, scope: Scope): void {
  const owner = resolve(target.childForFieldName('object'), scope);
  const name = target.childForFieldName('attribute')?.text;
  if (owner?.kind !== 'class' || name === undefined) return;
  owner.model.attributes.set(name, value);
  if (name === 'app_name') owner.model.appName = typeof value === 'string' ? value : UNKNOWN;
}

function mutate(call: SyntaxNode, scope: Scope): void {
  const callee = call.childForFieldName('function');
  const method = callee?.childForFieldName('attribute')?.text;
  const name = callee?.childForFieldName('object');
  if (callee?.type !== 'attribute' || name?.type !== 'identifier' || !method || !MUTATORS.has(method)) return;
  const before = scope.lookup(name.text);
  if (before?.kind !== 'value') return;
  const { positional, exact } = argumentsOf(call.childForFieldName('arguments'), scope);
  const [item] = positional;
  scope.bindValue(name.text, exact ? mutated(before.value, method, item) : UNKNOWN);
}

function mutated(value: Value, method: string, item: Maybe<Value> | undefined): Maybe<Value> {
  if (!Array.isArray(value) || item === undefined || item === UNKNOWN) return UNKNOWN;
  if (method === 'append') return [...value, item];
  return method === 'extend' && Array.isArray(item) ? [...value, ...item] : UNKNOWN;
}

function conditional(node: SyntaxNode, scope: Scope, depth: number): void {
  const branches: (() => void)[] = [];
  const arms = [node, ...node.childrenForFieldName('alternative')];
  for (const arm of arms) {
    const test = arm.childForFieldName('condition');
    const body = arm.childForFieldName('consequence') ?? arm.childForFieldName('body');
    const run = () => statements(body, scope, depth);
    const outcome = test ? condition(test, scope) : true;
    if (outcome === false) continue;
    branches.push(run);
    if (outcome === true) {
      scope.fork(branches);
      return;
    }
  }
  scope.fork([...branches, () => undefined]);
}

function condition(test: SyntaxNode, scope: Scope): boolean | null {
  const value = evaluate(test, scope);
  return value === UNKNOWN ? null : truth(value);
}

function attempt(node: SyntaxNode, scope: Scope, depth: number): void {
  const body = () => statements(node.childForFieldName('body'), scope, depth);
  const handlers = node.namedChildren.filter((child) => /^except/.test(child.type));
  const rest = node.namedChildren.filter((child) => /^(else|finally)_clause$/.test(child.type));
  if (handlers.length === 0) body();
  else scope.fork([body, ...handlers.map((handler) => () => clauseBody(handler, scope, depth))]);
  for (const clause of rest) clauseBody(clause, scope, depth);
}

function clauseBody(clause: SyntaxNode, scope: Scope, depth: number): void {
  for (const child of clause.namedChildren) if (child.type === 'block') statements(child, scope, depth);
}

function looped(node: SyntaxNode, scope: Scope, depth: number): void {
  const before = new Map(scope.names);
  assign(node.childForFieldName('left'), UNKNOWN, scope, null);
  if (node.type === 'match_statement') {
    for (const clause of node.descendantsOfType('case_clause'))
      statements(clause?.childForFieldName('consequence') ?? null, scope, depth);
  } else {
    clauseBody(node, scope, depth);
  }
  for (const [name, binding] of scope.names) {
    if (binding.kind === 'value' && before.get(name) !== binding) scope.bind(name, UNKNOWN_BINDING);
  }
}

function forget(node: SyntaxNode, scope: Scope): void {
  for (const name of node.descendantsOfType('identifier')) {
    if (name && (name.parent?.type === 'delete_statement' || name.parent?.type === 'expression_list')) {
      scope.names.delete(name.text);
    }
  }
}

function decorated(node: SyntaxNode, scope: Scope, depth: number): void {
  const definition = node.childForFieldName('definition');
  const decorators = node.namedChildren.filter((child) => child.type === 'decorator');
  if (definition?.type === 'class_definition') defineClass(definition, node, scope, depth);
  else if (definition) defineFunction(definition, decorators, node, scope);
}

const lines = (node: SyntaxNode) => ({ start: node.startPosition.row + 1, end: lastRow(node) + 1 });

/** A block's node may end at the start of the next line; blank lines after the last statement are not part of it. */
function lastRow(node: SyntaxNode): number {
  const end = node.endPosition;
  return end.column === 0 && end.row > node.startPosition.row ? end.row - 1 : end.row;
}

function defineFunction(node: SyntaxNode, decorators: SyntaxNode[], outer: SyntaxNode, scope: Scope): void {
  const name = node.childForFieldName('name');
  if (!name || name.isMissing || name.text === '') return;
  const model: FunctionModel = { name: name.text, lines: lines(outer), endpoint: null, options: null };
  let isStatic = false;
  for (const decorator of decorators) {
    const call = onlyChild(decorator);
    if (!call) continue;
    bindEndpoint(call, model, scope);
    // The SDK collects bound methods only. Source: `App.collect_routes`.
    if (call.text === 'staticmethod') isStatic = true;
    if (isFalFunction(call, scope)) model.options = readFalFunction(call, scope);
  }
  if (isStatic) model.endpoint = null;
  scope.bind(model.name, { kind: 'function', model });
}

function defineClass(node: SyntaxNode, outer: SyntaxNode, scope: Scope, depth: number): void {
  const name = node.childForFieldName('name');
  if (!name || name.isMissing || name.text === '') return;
  const header = node.childForFieldName('superclasses');
  const bases = header?.namedChildren.filter((child) => /^(identifier|attribute|subscript)$/.test(child.type)) ?? [];
  const found = bases.map((base) => ({ text: base.text, binding: resolve(base, scope) }));
  const own = found.flatMap(({ binding }) => (binding?.kind === 'class' ? [binding.model] : []));
  const foreign = found.find(({ binding, text }) => isForeign(binding, text))?.text ?? null;

  const body = new Scope(scope);
  statements(node.childForFieldName('body'), body, depth);
  const model: ClassModel = {
    name: name.text,
    lines: lines(outer),
    mro: [],
    isApp: false,
    foreignBase: foreign ?? own.find((base) => base.foreignBase !== null)?.foreignBase ?? null,
    attributes: new Map(),
    methods: new Map(),
    hostKwargs: new Map(),
    appName: UNKNOWN,
    named: false,
  };
  for (const [key, binding] of body.names) member(model, key, binding);
  model.mro = linearize(model, own);
  const fromSdk = found.some(({ binding }) => binding?.kind === 'fal' && /(^|\.)App$/.test(binding.path));
  const hasEndpoint = [...model.methods.values()].some((method) => method?.endpoint);
  model.isApp = fromSdk || own.some((base) => base.isApp) || (foreign !== null && hasEndpoint);
  if (model.isApp) initSubclass(model, argumentsOf(header, scope).keywords);
  scope.bind(model.name, { kind: 'class', model });
}

function member(model: ClassModel, name: string, binding: Binding): void {
  // A name is one or the other: what the body bound last hides an inherited method too.
  model.methods.set(name, binding.kind === 'function' ? binding.model : null);
  if (binding.kind === 'value') model.attributes.set(name, binding.value);
  else if (binding.kind !== 'function') model.attributes.set(name, UNKNOWN);
}

function isForeign(binding: Binding | undefined, text: string): boolean {
  if (binding?.kind === 'unknown') return true;
  return (
    binding === undefined &&
    !/^(object|ABC|abc\.ABC|Generic\b.*|Protocol\b.*|typing\..*|Enum|Exception|BaseModel|pydantic\..*)$/.test(text)
  );
}
